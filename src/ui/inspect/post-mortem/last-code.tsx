/** The instructions before a guest's end, newest first, with what each did: of a guest whose definition asks for them (vmtrace_buf_kb). */
import { DECODED, decode, disassemble, newDecoded } from '../../../cpu/table/index.ts';
import { addressText, type LastInstruction, type VcpuState } from '../../../hypervisor/view/index.ts';
import { shortly } from '../disassembly.ts';

const words = {
  title: (n: number) => `Last ${n} instructions`,
  newest: 'newest first',
  last: 'last',
  taken: 'taken',
  not: 'not taken',
  gone: 'no memory there now',
  sets: (name: string, value: string) => `${name} = ${value}`,
  writes: (at: string, value: string) => `[${at}] = ${value}`,
  columns: (is64: boolean) => ['No.', is64 ? 'RIP' : 'EIP', 'Instruction', 'What it did'],
  caption: 'Recorded as they ran; decoded from memory as it is now.',
};
const LONGEST = 15,
  /** Rows at most, the one that failed among them. */
  MOST = 50,
  ESP = 4,
  /** As instructions number them (SDM vol. 2A, table 2-2). */
  NAMES = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];

const nameOf = (number: number, bits: number): string =>
  number >= NAMES.length ? `r${number}` : `${bits === 64 ? 'r' : 'e'}${NAMES[number]}`;

export interface CodeRow {
  no: string;
  ip: number;
  is64: boolean;
  text: string;
  did: string;
  /** Where it wrote to memory last. */
  wrote?: number;
}

/** As `addressText`, without leading zeroes. */
const hex = (address: number): string => BigInt.asUintN(64, BigInt(address)).toString(16);

function decoded(
  state: VcpuState,
  { linear, ip, bits }: Pick<LastInstruction, 'linear' | 'ip' | 'bits'>,
): { text: string; length: number } {
  const bytes = state.bytesAt(linear, LONGEST),
    found = newDecoded();
  if (bytes.length === 0 || decode(bytes, 0, bytes.length, bits, found) !== DECODED)
    return {
      text: bytes.length === 0 ? words.gone : `(${[...bytes.slice(0, 4)].map(byte => byte.toString(16)).join(' ')} …)`,
      length: 0,
    };
  return { text: shortly(disassemble(found, ip, 'intel', bytes.subarray(0, found.length))), length: found.length };
}

/** Whether a branch that may be taken was: `next`, where the processor went on. */
const branch = (text: string, end: number, next: number | undefined): string =>
  next === undefined || !/^(?:j(?!mp)|loop)/.test(text) ? '' : next === end ? words.not : words.taken;

/** What an instruction changed, in a few words; the stack pointer and the registers of a string are left out where something else is shown. */
export function didOf({ registers, written, bits }: LastInstruction, text: string, branched: string): string {
  const value = (all: bigint, bytes: number): string => BigInt.asUintN(8 * bytes, all).toString(16);
  const telling = written
    ? []
    : registers
        .filter(({ number }) => registers.length === 1 || number !== ESP)
        .filter(({ number }) => !text.startsWith('lods') || number !== 6);
  return [
    ...(written ? [words.writes(hex(written.linear), value(written.value, written.bytes))] : []),
    ...telling.slice(0, 2).map(each => words.sets(nameOf(each.number, bits), value(each.value, bits === 64 ? 8 : 4))),
    ...(branched ? [branched] : []),
  ].join(', ');
}

/** Newest first. `fault`: the instruction that did not come to its end, and what kept it. */
export function codeRows(
  state: VcpuState,
  code: readonly LastInstruction[],
  fault?: Pick<LastInstruction, 'linear' | 'ip' | 'bits'> & { why: string },
): CodeRow[] {
  const rows = code.map((each, i): CodeRow => {
    const { text, length } = decoded(state, each),
      next = code[i + 1]?.ip ?? fault?.ip,
      end = each.ip + length,
      is64 = each.bits === 64;
    return {
      no: '',
      ip: each.ip,
      is64,
      text,
      did: didOf(each, text, branch(text, is64 ? end : end >>> 0, next)),
      ...(each.written ? { wrote: each.written.linear } : {}),
    };
  });
  if (fault)
    rows.push({ no: '', ip: fault.ip, is64: fault.bits === 64, text: decoded(state, fault).text, did: fault.why });
  return rows
    .reverse()
    .slice(0, MOST)
    .map((row, i) => ({ ...row, no: i === 0 ? words.last : `−${i}` }));
}

export const codeTable = (rows: readonly CodeRow[]) => ({
  name: words.title(rows.length),
  columns: words.columns(rows.some(({ is64 }) => is64)),
  rows: rows.map(({ no, ip, is64, text, did }) => [no, addressText(ip, is64), text, did]),
});

/** The name of an instruction is in a column of its own. */
export function LastCode({ rows }: { rows: readonly CodeRow[] }) {
  return (
    <section class="pm-code">
      <div class="ph">
        <h3>{words.title(rows.length)}</h3>
        <span class="grow" />
        <span class="sec">{words.newest}</span>
      </div>
      <div class="pm-rows" role="region" aria-label={words.title(rows.length)} tabIndex={0}>
        <table class={rows.some(({ is64 }) => is64) ? 'of-64' : ''}>
          <tbody>
            {rows.map(({ no, ip, is64, text, did }, i) => {
              const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
              return (
                <tr key={no} class={i === 0 ? 'sel' : ''}>
                  <td>{no}</td>
                  <td>{addressText(ip, is64)}</td>
                  <td>{name}</td>
                  <td>{rest}</td>
                  <td>{did}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="cap-t">{words.caption}</p>
    </section>
  );
}
