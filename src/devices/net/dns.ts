/** A name server for a table of names. Source: RFC 1035, 4.1. */
import { concat } from '../../formats/bytes/index.ts';
import { get16, put16, put32 } from './packets.ts';

export const DNS_PORT = 53;
const HEADER = 12;
const TYPE_A = 1,
  TYPE_ANY = 255,
  CLASS_IN = 1,
  CLASS_ANY = 255;
const NO_ERROR = 0,
  NAME_ERROR = 3,
  NOT_IMPLEMENTED = 4;
const QR = 0x8000,
  OPCODE = 0x7800,
  AA = 0x0400,
  RD = 0x0100,
  RA = 0x0080;
const TTL_SECONDS = 60;
const MAX_NAME = 255;

/** The one question's name, lower case with dots, and where it ends; null: no query, or malformed. A question has nothing to point back to. */
function questionIn(data: Uint8Array): { name: string; end: number } | null {
  if (data.length < HEADER || get16(data, 2) & QR || get16(data, 4) !== 1) return null;
  const labels: string[] = [];
  let at = HEADER;
  for (;;) {
    const length = data[at];
    if (length === undefined || length > 63 || at + 1 + length > data.length || at - HEADER > MAX_NAME) return null;
    if (length === 0) return { name: labels.join('.').toLowerCase(), end: at + 1 };
    labels.push(String.fromCharCode(...data.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** What name a query asks for, lower case with dots; undefined: it is none that can be answered. */
export const nameAsked = (data: Uint8Array): string | undefined => questionIn(data)?.name;

/** The answer to a query; null: not a query that can be answered. Names in `names` are lower case. */
export function answerDns(data: Uint8Array, names: ReadonlyMap<string, number>): Uint8Array | null {
  const question = questionIn(data);
  if (!question || question.end + 4 > data.length) return null;
  const type = get16(data, question.end);
  const kind = get16(data, question.end + 2);
  const flags = get16(data, 2);
  const address = names.get(question.name);
  const known = address !== undefined && (kind === CLASS_IN || kind === CLASS_ANY);
  const answers = known && (flags & OPCODE) === 0 && (type === TYPE_A || type === TYPE_ANY);
  const code = flags & OPCODE ? NOT_IMPLEMENTED : known ? NO_ERROR : NAME_ERROR;

  const reply = data.slice(0, question.end + 4);
  put16(reply, 2, QR | (flags & (OPCODE | RD)) | AA | RA | code);
  put16(reply, 6, answers ? 1 : 0);
  put16(reply, 8, 0);
  put16(reply, 10, 0);
  if (!answers) return reply;
  const record = new Uint8Array(16);
  // The name is the question's: a pointer to it.
  put16(record, 0, 0xc000 | HEADER);
  put16(record, 2, TYPE_A);
  put16(record, 4, CLASS_IN);
  put32(record, 6, TTL_SECONDS);
  put16(record, 10, 4);
  put32(record, 12, address);
  return concat(reply, record);
}
