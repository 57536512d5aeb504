/** A host in memory for as long as something is done at it, with the demo guest and minipv in /boot. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KVM_BOOT, type HostState, loadEverything, openHostState } from '../dom0/service/index.ts';
import { MemoryStore } from '../dom0/host/storage/index.ts';
import { NodeAllowedFiles } from '../cli/allowed/allowed-files.ts';
import { Output } from '../cli/boot/terminal.ts';
import { nodeState } from '../cli/node-clock.ts';
import { repository } from '../cli/repository.ts';
import { HostRuns } from '../cli/shell/host-runs.ts';
import type { NodeHost } from '../cli/node-host.ts';

const HOST = { pcpus: 1, memoryMiB: 128, vt: true, diskBytes: 2 ** 30 };

/** `files`: texts by their paths in Domain 0; `allow`: folders of this machine that it may have. */
export async function onSmallHost(
  files: Readonly<Record<string, string>>,
  work: (host: NodeHost, state: HostState) => Promise<void>,
  {
    memoryMiB = HOST.memoryMiB,
    allow = [],
    kvm = false,
  }: { memoryMiB?: number; allow?: readonly string[]; kvm?: boolean } = {},
): Promise<void> {
  await loadEverything();
  const definition = { ...HOST, memoryMiB };
  const state = await openHostState(new MemoryStore(), { diskBytes: HOST.diskBytes, guests: [], ...nodeState });
  try {
    const tree = await state.files();
    for (const kernel of ['demo', 'minipv'])
      await tree.writeFile(`/boot/${kernel}.elf`, readFileSync(join(repository(), `guests/${kernel}/${kernel}.elf`)));
    for (const [path, text] of Object.entries(files)) {
      await tree.mkdir(dirname(path), { recursive: true });
      await tree.writeFile(path, text);
    }
    const allowed = allow.length > 0 ? new NodeAllowedFiles(allow) : undefined;
    const runs = new HostRuns({ state, definition, first: kvm ? KVM_BOOT : undefined, allowed, stdout: new Output(1) });
    await runs.during(
      host => work(host, state),
      () => {},
    );
  } finally {
    state.close();
  }
}
