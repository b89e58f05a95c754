// The core patterns in JavaScript (node): `paced COUNT GAP_US`, paced by Atomics.wait, which blocks the thread unseen; `queue COUNT MEAN
// PAUSE_US`, messages that timers put into the event loop; `exchange COUNT PIECES`, pieces and then the answer.
'use strict';
const net = require('net');

const now = () => process.hrtime.bigint();
const message = (kind, begun = now()) => String(begun).padStart(19, '0') + kind + ' '.repeat(79) + '\n';
const [pattern, ...words] = process.argv.slice(2);
const [count, second, pause] = words.map(Number);
const socket = net.connect(Number(process.env.FIELD_PORT), process.env.FIELD_ADDRESS);

function paced() {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < count; i++) {
    socket.write(message('t'));
    Atomics.wait(never, 0, 0, second / 1000);
  }
  socket.end();
}

function queue(left) {
  let put = 0;
  do {
    put++;
    socket.write(message('t'));
  } while (put < left && Math.random() * second >= 1);
  if (left > put) setTimeout(queue, pause / 1000, left - put);
  else socket.end();
}

function exchange() {
  let left = count, missing = 0;
  const ask = () => {
    if (left-- === 0) return socket.end();
    const begun = now();
    missing = 10;
    for (let k = 1; k <= second; k++) socket.write(message(k === second ? 'a' : 'u', begun));
  };
  socket.on('data', (data) => {
    missing -= data.length;
    if (missing === 0) ask();
  });
  ask();
}

socket.on('connect', () => ({ paced, queue: () => queue(count), exchange })[pattern]());
// This runtime leaves the option alone until it is told; an ended peer ends the program.
socket.on('close', () => process.exit(0));
