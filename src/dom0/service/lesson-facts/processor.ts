/** How a domain shares the processors, and registers of its first vCPU. `held_us`: microseconds in which it had a processor; `wait_us`: in which it could have run, and another did. */
import { registers as R } from '../../../cpu/architecture/index.ts';
import type { Family } from './told.ts';

const US = 1e3;

export const processor: Family = ({ host, member, domain }, { counts, values }) => {
  const { index } = member.record,
    shares = host.queue.shares(index),
    { words } = domain.vcpus()[0]!.registers();
  const { scheduler } = host.toolstack.view;
  counts.dispatches = scheduler.units().find(({ unit }) => unit === index)?.dispatches ?? 0;
  counts.held_us = scheduler.runstates(index, host.queue.nowNs()).running / US;
  counts.wait_us = scheduler.runstates(index).runnable / US;
  Object.assign(values, {
    weight: shares?.weight ?? 0,
    cap: shares?.cap ?? 0,
    'reg.eip': words[R.EIP]! >>> 0,
    'reg.cpl': words[R.CPL]!,
    'reg.cs': words[R.SEG + R.CS * R.SEG_WORDS + R.SEG_SELECTOR]! & 0xffff,
    'reg.cr3': words[R.CR3]! >>> 0,
  });
};
