/** Disassembly as inspectors show it, with the tables that it needs. */

import { addressText, readAddress, type VcpuState } from '../../hypervisor/view/index.ts';
import { codeAround, shortly } from './disassembly.ts';

interface CodeProps {
  state: VcpuState | undefined;
  /** The highlighted address, and what is said there. */
  eip: number;
  says?: string;
  before?: number;
  after?: number;
  withBytes?: boolean;
  /** What the code at an address is called; '' where nobody knows. */
  name?(address: number): string;
}

export function Code({ state, eip, says = '', before = 3, after = 3, withBytes = false, name = () => '' }: CodeProps) {
  if (!state) return null;
  const lines = codeAround(state, eip, before, after),
    here = name(eip),
    hex = (ip: number): string => addressText(ip, state.isLong);
  return (
    <pre class="code dis" tabIndex={0}>
      {here && <span class="fn">{`<${here}>:`}</span>}
      {lines.length === 0
        ? `${hex(eip)}  no memory is mapped there now`
        : lines.map(line => (
            <span key={`${line.eip} ${line.isHere}`} class={line.isHere ? 'now' : ''}>
              {`${hex(line.eip)}  ${withBytes ? `${line.bytes.slice(0, 20).padEnd(21)} ` : ''}${padded(line.text)}${target(line.text, name)}${line.isHere && says ? `  ; ${says}` : ''}`}
            </span>
          ))}
    </pre>
  );
}

/** Where a branch leads, by name. */
function target(text: string, name: (address: number) => string): string {
  const address = /^(?:call|j\w+|loop\w*) 0x([0-9a-f]+)$/.exec(text)?.[1],
    to = address === undefined ? undefined : readAddress(address),
    called = to === undefined ? '' : name(to);
  return called ? ` <${called}>` : '';
}

/** The name of an instruction in a column of its own; a prefix is a part of it, and what repeats has its size in the registers. */
function padded(text: string): string {
  const name = /^(?:(?:rep\w*|lock) )?\S+/.exec(text)?.[0] ?? '';
  return `${name.padEnd(5)}${name.startsWith('rep') ? shortly(text.slice(name.length)) : text.slice(name.length)}`;
}
