#pragma once
/// Inside this room only: the style sheet of nat-probe's page. Colours have a contrast of 4.5 and more on their ground
/// (WCAG 2.1 §1.4.3), in the light, in the dark and on paper.
#include <string_view>

namespace natkit::report {
inline constexpr std::string_view page_style = R"css(
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #59636e; --line: #d5dae0;
  --good: #12703a; --hard: #8a5300; --bad: #b3261e; --accent: #1f5fbf;
  --good-ground: #e4f4ea; --hard-ground: #fdf0d9; --bad-ground: #fce8e6; --plain-ground: #eceff2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1d2126; --ink: #e7eaee; --soft: #a5afba; --line: #363d45;
    --good: #63d391; --hard: #f2b650; --bad: #ff8a80; --accent: #8ab4f8;
    --good-ground: #14301f; --hard-ground: #35280f; --bad-ground: #3b1c1a; --plain-ground: #272d34;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  -webkit-text-size-adjust: 100%; text-size-adjust: 100%;
}
main { max-width: 1080px; margin: 0 auto; padding: 16px; display: grid; gap: 16px; }
header, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 20px; min-width: 0; }
header { border-left: 6px solid var(--soft); }
header.open, header.good { border-left-color: var(--good); }
header.hard { border-left-color: var(--hard); }
header.blocked { border-left-color: var(--bad); }
h1 { font-size: 1.35rem; line-height: 1.35; margin: 0; font-weight: 500; }
.grade { display: inline-block; font-weight: 700; padding: 0 .5em; margin-right: .3em; border-radius: 6px; background: var(--plain-ground); }
.open .grade, .good .grade { color: var(--good); background: var(--good-ground); }
.hard .grade { color: var(--hard); background: var(--hard-ground); }
.blocked .grade { color: var(--bad); background: var(--bad-ground); }
h2 { font-size: 1.05rem; margin: 0 0 10px; }
p { margin: 8px 0 0; }
p.soft, .soft { color: var(--soft); font-size: .9rem; }
ul { margin: 10px 0 0; padding-left: 1.2em; }
h1, p, li, dd, td { overflow-wrap: anywhere; }
.flow > section { break-inside: avoid; }
.flow > section:not(:last-child) { margin-bottom: 16px; }
@media (min-width: 760px) {
  .flow { columns: 2; column-gap: 16px; }
}
svg { display: block; width: 100%; max-width: 400px; margin: 0 auto; height: auto; }
svg .stop { fill: var(--plain-ground); stroke: var(--soft); stroke-width: 1.2; }
svg .unsure { fill: none; stroke-dasharray: 5 4; }
svg .obstacle { fill: var(--bad-ground); stroke: var(--bad); }
svg .way { stroke: var(--soft); stroke-width: 1.6; }
svg .title { fill: var(--ink); font-size: 14px; font-weight: 600; }
svg .note { fill: var(--soft); font-size: 12px; }
svg .detail { fill: var(--ink); font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 6px 8px 6px 0; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-size: .85rem; font-weight: 500; }
tbody th { font-weight: 500; }
.direct { color: var(--good); } .prediction { color: var(--hard); } .relay { color: var(--bad); }
.direct, .prediction, .relay { font-weight: 600; }
dl { margin: 0; }
dl > div { display: grid; grid-template-columns: 8.5em minmax(0, 1fr); gap: 0 12px; padding: 6px 0; border-top: 1px solid var(--line); }
dl > div:first-child { border-top: 0; padding-top: 0; }
dt { color: var(--soft); hyphens: auto; }
dd { margin: 0; }
dd small { display: block; color: var(--soft); font-size: .85rem; }
.unknown { font-style: italic; color: var(--soft); }
code { font: .88em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.list { list-style: none; padding: 0; margin: 0; }
.list li { padding: 6px 0; border-top: 1px solid var(--line); }
.list li:first-child { border-top: 0; padding-top: 0; }
code { overflow-wrap: anywhere; }
.list code { color: var(--accent); margin-right: .4em; }
footer { color: var(--soft); font-size: .85rem; padding: 0 4px 16px; }
@media (max-width: 420px) {
  main { padding: 10px; gap: 10px; }
  .flow > section:not(:last-child) { margin-bottom: 10px; }
  header, section { padding: 12px 14px; }
  dl > div { grid-template-columns: 6.6em minmax(0, 1fr); gap: 0 8px; }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb;
    --good: #12703a; --hard: #8a5300; --bad: #b3261e; --accent: #000;
    --good-ground: #fff; --hard-ground: #fff; --bad-ground: #fff; --plain-ground: #fff;
  }
  body { font-size: 11pt; }
  main { max-width: none; padding: 0; }
  header, section { border-radius: 0; padding: 8px 10px; }
  .flow { columns: 2; column-gap: 12px; }
  header, svg, tr, dl > div, .list li { break-inside: avoid; }
  h2 { break-after: avoid; }
  svg { max-width: 300px; }
}
)css";
}  // namespace natkit::report
