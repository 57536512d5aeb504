/** Jobs of domains: what is done with them that takes time. Source: cmdDomjobinfo() in tools/virsh-domain.c of libvirt 9. */
import { FRAME_BYTES } from '../../../hypervisor/memory/index.ts';
import type { JobInfo } from '../../toolstack/index.ts';
import { abortJob, JOB_COMPLETED, jobOf } from '../index.ts';
import { capacityText, find, type VirshCommand } from './virsh-command.ts';

const capacity = (bytes: number): string => capacityText(bytes, 3);

function jobInfo(job: JobInfo | undefined): string {
  const row = (label: string, value: string): string => `${`${label}:`.padEnd(17)} ${value}\n`;
  const type = row('Job type', (job?.type ?? 'None').padEnd(12));
  if (!job) return `${type}\n`;
  const { operation, elapsedMs, dataBytes, memory } = job;
  const data = dataBytes
    ? [
        row('Data processed', capacity(dataBytes.processed)),
        row('Data remaining', capacity(dataBytes.total - dataBytes.processed)),
        row('Data total', capacity(dataBytes.total)),
      ]
    : [];
  const unit = (value: number, of: string): string => `${String(Math.round(value)).padEnd(12)} ${of}`;
  const moved = memory
    ? [
        row('Memory processed', capacity(memory.processedBytes)),
        row('Memory remaining', capacity(memory.remainingBytes)),
        row('Memory total', capacity(memory.totalBytes)),
        ...(memory.bytesPerSecond === undefined
          ? []
          : [row('Memory bandwidth', `${capacity(memory.bytesPerSecond)}/s`)]),
        ...(memory.dirtyFramesPerSecond === undefined
          ? []
          : [row('Dirty rate', unit(memory.dirtyFramesPerSecond, 'pages/s'))]),
        row('Page size', unit(FRAME_BYTES, 'bytes')),
        row('Iteration', String(memory.iteration).padEnd(12)),
        ...(memory.downtimeMs === undefined ? [] : [row('Total downtime', unit(memory.downtimeMs, 'ms'))]),
      ]
    : [];
  const elapsed = unit(elapsedMs, 'ms');
  return `${type}${row('Operation', operation.padEnd(12))}${row('Time elapsed', elapsed)}${[...data, ...moved].join('')}\n`;
}

export const JOBS: Record<string, VirshCommand> = {
  domjobinfo: {
    usage: 'domjobinfo <domain> [--completed]',
    about: 'domain job information',
    run: async (host, [word], options) => {
      return jobInfo(jobOf(host, await find(host, word), options.has('completed') ? JOB_COMPLETED : 0));
    },
  },
  domjobabort: {
    usage: 'domjobabort <domain>',
    about: 'abort active domain job',
    run: async (host, [word]) => {
      await abortJob(host, await find(host, word));
      return '\n';
    },
  },
};
