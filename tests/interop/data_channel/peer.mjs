// A WebRTC peer (node-datachannel, that is libdatachannel): writes its offer as a line of JSON, reads the answer as
// another, and says what happens, a line each. It opens a stream, sends two messages, and echoes what it gets on others.
//
//     node peer.mjs ADDRESS FOLDER      FOLDER: where node_modules is
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [address, folder] = process.argv.slice(2);
const datachannel = createRequire(folder + '/')('node-datachannel');
const say = (what) => process.stdout.write(what + '\n');
const binary = Buffer.alloc(100_000, 'natkit');

const describe = (message) =>
  typeof message === 'string' ? `text ${message}` : `binary ${message.length} ${createHash('sha256').update(message).digest('hex')}`;

function attach(channel, isOurs) {
  channel.onOpen(() => {
    if (!isOurs) return;
    channel.sendMessage('hello from node');
    channel.sendMessageBinary(binary);
  });
  channel.onMessage((message) => {
    say(describe(message));
    if (!isOurs && typeof message === 'string') channel.sendMessage('echo ' + message);
    if (isOurs && typeof message !== 'string') channel.sendMessage('close');
  });
  channel.onClosed(() => say('channel closed'));
}

const connection = new datachannel.PeerConnection('node', { iceServers: [], bindAddress: address });
connection.onStateChange((state) => {
  say(`state ${state}`);
  if (state === 'closed' || state === 'disconnected' || state === 'failed') setTimeout(() => process.exit(0), 100);
});
connection.onDataChannel((channel) => {
  say(`opened ${channel.getLabel()} ${channel.getProtocol()}`);
  attach(channel, false);
});
connection.onGatheringStateChange((state) => {
  if (state === 'complete') say(JSON.stringify(connection.localDescription()));
});
attach(connection.createDataChannel('theirs'), true);

createInterface({ input: process.stdin }).once('line', (line) => {
  const { sdp, type } = JSON.parse(line);
  connection.setRemoteDescription(sdp, type);
});
setTimeout(() => { say('out of time'); process.exit(1); }, 20_000).unref();
