// Perfetto's trace processor in Node: opens a trace and answers queries in SQL.
//
//     node trace_processor.js DIRECTORY TRACE < queries.json > answers.json
//
// DIRECTORY holds engine_bundle.js and trace_processor*.wasm of a build of Perfetto's user interface: in a browser they are a
// worker, so a worker's surroundings are made for them here. Queries are a list of strings; each answer is {"rows": [{column:
// value}]} or {"error": text}. What the engine is told and says are messages of protocol buffers, see perfetto's
// protos/perfetto/trace_processor/trace_processor.proto.

'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

const [directory, trace] = process.argv.slice(2);
const APPEND = 1, FINALIZE = 2, QUERY = 3;              // TraceProcessorMethod
const CHUNK = 8 << 20;

// ---- protocol buffers ------------------------------------------------------------------------

function varint(number) {
    const bytes = [];
    for (let rest = BigInt(number); ; rest >>= 7n) {
        bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
        if (rest < 128n) return Buffer.from(bytes);
    }
}

function field(number, value) {
    return Buffer.isBuffer(value) ? Buffer.concat([varint(number << 3 | 2), varint(value.length), value])
        : Buffer.concat([varint(number << 3), varint(value)]);
}

function takeVarint(bytes, at) {
    let value = 0n, shift = 0n;
    for (;;) {
        const byte = bytes[at++];
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return [value, at];
        shift += 7n;
    }
}

// [[field's number, BigInt or Buffer]]
function fields(bytes) {
    const found = [];
    for (let at = 0; at < bytes.length;) {
        let key, value;
        [key, at] = takeVarint(bytes, at);
        const kind = Number(key & 7n);
        if (kind === 0) [value, at] = takeVarint(bytes, at);
        else {
            let length = kind === 1 ? 8 : 4;
            if (kind === 2) {
                [length, at] = takeVarint(bytes, at);
                length = Number(length);
            }
            value = bytes.subarray(at, at + length);
            at += length;
        }
        found.push([Number(key >> 3n), value]);
    }
    return found;
}

const only = (message, number) => fields(message).filter(([key]) => key === number).map(([, value]) => value);

// ---- the engine ------------------------------------------------------------------------------

const replies = [];
const port = { postMessage: (bytes) => replies.push(Buffer.from(bytes)) };

// It fetches its WebAssembly, synchronously.
class XMLHttpRequest {
    open(method, name) {
        this.name = path.basename(String(name));
    }

    send() {
        this.response = new Uint8Array(fs.readFileSync(path.join(directory, this.name))).buffer;
    }
}

const worker = {
    XMLHttpRequest, TextDecoder, TextEncoder, WebAssembly, Uint8Array, TypeError, URL, performance, setTimeout, clearTimeout,
    console: { log() {}, warn() {}, error: (text) => process.stderr.write(`${text}\n`) },
    location: { href: 'http://localhost/engine_bundle.js' },
    WorkerGlobalScope() {},
};
worker.self = worker;

let sequence = 0;

function ask(method, number, argument) {
    const parts = [field(1, ++sequence), field(2, method)];
    if (argument) parts.push(field(number, argument));
    replies.length = 0;
    port.onmessage({ data: new Uint8Array(field(1, Buffer.concat(parts))) });
    const answers = only(Buffer.concat(replies), 1);
    for (const answer of answers)
        for (const fatal of only(answer, 5)) throw new Error(fatal.toString());
    return answers;
}

function load() {
    const file = fs.openSync(trace), chunk = Buffer.alloc(CHUNK);
    for (let length; (length = fs.readSync(file, chunk, 0, CHUNK, null)) > 0;)
        for (const answer of ask(APPEND, 101, chunk.subarray(0, length)))
            for (const error of only(answer, 201).flatMap((result) => only(result, 2)))
                throw new Error(`not a trace: ${error}`);
    ask(FINALIZE);
}

function query(text) {
    const names = [], cells = [];
    for (const result of ask(QUERY, 103, field(1, Buffer.from(text))).flatMap((answer) => only(answer, 203))) {
        for (const [number, value] of fields(result)) {
            if (number === 1) names.push(value.toString());
            if (number === 2 && value.length) return { error: value.toString() };
            if (number === 3) readBatch(value, cells);
        }
    }
    const rows = [];
    for (let i = 0; i < cells.length; i += names.length)
        rows.push(Object.fromEntries(names.map((name, column) => [name, cells[i + column]])));
    return { rows };
}

// What kind each cell is of, and the values of each kind one behind the other.
function readBatch(batch, cells) {
    const integers = [], floats = [], kinds = [];
    let texts = [];
    for (const [number, value] of fields(batch)) {
        if (number === 1) for (let at = 0, kind; at < value.length; kinds.push(Number(kind))) [kind, at] = takeVarint(value, at);
        if (number === 2) for (let at = 0, one; at < value.length; integers.push(Number(BigInt.asIntN(64, one)))) [one, at] = takeVarint(value, at);
        if (number === 3) for (let at = 0; at < value.length; at += 8) floats.push(value.readDoubleLE(at));
        if (number === 5) texts = value.toString().split('\0');
    }
    let integer = 0, float = 0, text = 0;
    for (const kind of kinds) cells.push(kind === 2 ? integers[integer++] : kind === 3 ? floats[float++] : kind === 4 ? texts[text++] : null);
}

async function main() {
    const queries = JSON.parse(fs.readFileSync(0, 'utf8'));
    vm.runInNewContext(fs.readFileSync(path.join(directory, 'engine_bundle.js'), 'utf8'), worker);
    worker.onmessage({ data: port });
    // All that it does to begin is done when this turn of the loop is over: messages that reach a worker are later turns.
    await new Promise(setImmediate);
    load();
    process.stdout.write(JSON.stringify(queries.map(query)));
}

main().catch((error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
});
