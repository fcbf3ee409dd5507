// Forwarded connections with the client of npm's ssh2, which alone asks for
// some of it by name.
'use strict';
const { Client } = require('ssh2');
const fs = require('fs');
const net = require('net');
const assert = require('assert');
const env = process.env;

const connect = () => new Promise((done, fail) => {
  const c = new Client();
  c.on('ready', () => done(c)).on('error', fail).connect({
    host: env.HOST, port: +env.PORT, username: env.WHO, strictVendor: false,
    privateKey: fs.readFileSync(env.KEY),
  });
});
const call = (c, name, ...args) => new Promise((done, fail) =>
  c[name](...args, (err, x) => err ? fail(err) : done(x)));
const fails = async (p, reason) => {
  try { await p; } catch (e) {
    if (reason !== undefined) assert.strictEqual(e.reason, reason, e.message);
    return;
  }
  throw new Error('succeeded');
};
const talk = (s, text) => new Promise((done, fail) => {
  let got = '';
  s.on('data', (d) => { got += d; }).on('end', () => done(got))
    .on('error', fail);
  s.end(text);
});
const incoming = (c, event) => new Promise((done) =>
  c.once(event, (info, accept) => done({ info, ch: accept() })));

(async () => {
  const c = await connect();
  const echo = +env.ECHO;
  assert.strictEqual(await talk(await call(c, 'forwardOut', '10.0.0.1', 5,
    '127.0.0.1', echo), 'out'), 'out');
  await fails(call(c, 'forwardOut', '10.0.0.1', 5, '127.0.0.1', 1), 2);
  await fails(call(c, 'forwardOut', '10.0.0.1', 5, '198.51.100.1', 80), 1);
  assert.strictEqual(await talk(await call(c,
    'openssh_forwardOutStreamLocal', '/d/echo.sock'), 'unix'), 'unix');

  const port = await call(c, 'forwardIn', '127.0.0.1', 0);
  assert(port > 0);
  let came = incoming(c, 'tcp connection');
  let s = net.connect(port, '127.0.0.1');
  let { info, ch } = await came;
  assert.strictEqual(info.destPort, port);
  assert.strictEqual(info.destIP, '127.0.0.1');
  assert.strictEqual(info.srcIP, '127.0.0.1');
  assert.strictEqual(info.srcPort, s.localPort);
  ch.pipe(ch);
  assert.strictEqual(await talk(s, 'in'), 'in');
  await call(c, 'unforwardIn', '127.0.0.1', port);
  await fails(call(c, 'unforwardIn', '127.0.0.1', port));
  await fails(call(c, 'forwardIn', '192.0.2.1', 0));

  await call(c, 'openssh_forwardInStreamLocal', '/d/ssh2.sock');
  came = incoming(c, 'unix connection');
  s = net.connect(env.JAIL + '/d/ssh2.sock');
  ({ info, ch } = await came);
  assert.strictEqual(info.socketPath, '/d/ssh2.sock');
  ch.pipe(ch);
  assert.strictEqual(await talk(s, 'unix in'), 'unix in');
  await call(c, 'openssh_unforwardInStreamLocal', '/d/ssh2.sock');
  assert(!fs.existsSync(env.JAIL + '/d/ssh2.sock'));

  // no session from here on, but what else there is
  await call(c, 'openssh_noMoreSessions');
  assert.strictEqual(await talk(await call(c, 'forwardOut', '10.0.0.1', 5,
    '127.0.0.1', echo), 'still'), 'still');
  c.end();
  console.log('all of it');
})().catch((e) => { console.error(e); process.exit(1); });
