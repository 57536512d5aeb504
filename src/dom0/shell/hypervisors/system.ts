/** What a login finds of the host's hypervisor. */
import type { CommandHost } from '../../toolstack/index.ts';
import type { Program } from '../../toolstack/programs/index.ts';

export interface HostSystem {
  /** What the greeting calls it. */
  name: string;
  /** uname -v. */
  version: string;
  /** Its kernel finds VT-x, where the computer has it. */
  seesVt: boolean;
  /** Flags of /proc/cpuinfo that the processor alone has not. */
  cpuFlags: readonly string[];
  /** What kvm-ok, kvm_stat and perf say where they cannot work. */
  withoutKvm: { ok: string; stat: string; perf: string };
  processors(host: CommandHost): number;
  /** Programs of the hypervisor's tools. */
  programs(host: CommandHost): Program[];
}
