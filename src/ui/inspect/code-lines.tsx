/** Disassembly as inspectors show it, with the tables that it needs. */

import type { VcpuState } from '../../hypervisor/view/index.ts';
import { hex8 } from '../units.ts';
import { codeAround } from './disassembly.ts';

interface CodeProps {
  state: VcpuState | undefined;
  /** The address that stands out, and what is said there. */
  eip: number;
  says?: string;
  before?: number;
  after?: number;
  withBytes?: boolean;
}

export function Code({ state, eip, says = '', before = 3, after = 3, withBytes = false }: CodeProps) {
  if (!state) return null;
  const lines = codeAround(state, eip, before, after);
  return <pre class="code dis" tabIndex={0}>{lines.length === 0 ? `${hex8(eip)}  no memory is mapped there now` : lines.map(line => <span key={`${line.eip} ${line.isHere}`} class={line.isHere ? 'now' : ''}>
    {`${hex8(line.eip)}  ${withBytes ? `${line.bytes.slice(0, 20).padEnd(21)} ` : ''}${line.text.replace(' ', ' '.repeat(Math.max(1, 6 - line.text.indexOf(' '))))}${line.isHere && says ? `  ; ${says}` : ''}`}</span>)}</pre>;
}
