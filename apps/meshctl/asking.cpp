#include "asking.hpp"

#include <fstream>
#include <string>

#include "control.hpp"
#include "interrupted.hpp"
#include "natkit/base/printable.hpp"
#include "natkit/io/driver.hpp"
#include "question.hpp"

namespace natkit {
namespace {
Result<std::string> ask(cli::Output& output, const Options& o, const control::Words& words, io::RunEnd& end) {
  Question question{control::socket_path(o.session), words,
                    o.word == "watch" ? Question::Kind::watch : Question::Kind::once, o.timeout, output};
  const auto run = io::run(question, {.on_stop = [&](Instant now) { question.stop(now); }});
  if (!run) return std::unexpected(run.error());
  end = *run;
  if (question.reply().error) return std::unexpected(*question.reply().error);
  return question.reply().body;
}
}  // namespace

cli::Exit ask_process(cli::Output& output, Options o) {
  output.options.shape = report::Shape::answer;
  if (o.session.empty()) {
    const auto only = control::only_session();
    if (!only) return output.fail(only.error());
    o.session = *only;
  }
  const auto* const format = output.is_json() ? "json" : "text";
  control::Words words{o.word, format};
  if (o.word == "send") words.insert(words.end(), {o.member, o.text});
  if (o.word == "kick") words.insert(words.end(), {o.member, o.ban ? "ban" : ""});
  if (o.word == "handover") words.push_back(o.member);
  auto end = io::RunEnd::finished;
  const auto body = ask(output, o, words, end);
  if (end != io::RunEnd::finished) return interrupted(output, end);
  if (!body) return output.fail(body.error());
  if (!body->empty()) output.answer(*body);
  if (o.word == "invite" && !output.is_json()) {
    const auto note = ask(output, o, {o.word, "note"}, end);
    if (note && !note->empty()) output.warn(*note);
  }
  if (o.svg_file.empty()) return cli::Exit::ok;
  const auto drawing = ask(output, o, {o.word, "svg"}, end);
  if (!drawing) return output.fail(drawing.error());
  std::ofstream file{o.svg_file, std::ios::binary};
  file << *drawing;
  file.close();
  if (file) return cli::Exit::ok;
  return output.fail({Errc::usage, "not-writable", printable(o.svg_file) + " cannot be written", "name another file"});
}

AskAbout asker(cli::Output& output, const Options& o) {
  return [&output, options = o](const std::string& member) mutable -> Result<std::string> {
    if (options.session.empty()) {
      const auto only = control::only_session();
      if (!only) return std::unexpected(only.error());
      options.session = *only;
    }
    auto end = io::RunEnd::finished;
    return ask(output, options, {"about", "text", member}, end);
  };
}
}  // namespace natkit
