/** Procedures of the host's machine. */
import { array, fixed, int, struct, unsignedHyper } from '../../../formats/xdr/index.ts';
import { capabilities, domainCapabilities, nodeInfo } from '../../../dom0/toolstack/libvirt/index.ts';
import { MAX_VCPUS } from '../../../hypervisor/layout/index.ts';
import { procedure, type Table } from '../procedure.ts';
import { flags, maybeText, text } from '../types.ts';

const MIB = 2 ** 20;
/** Of virNodeInfo's name of a processor; each of its characters is a word of XDR. */
const MODEL_CHARS = 32,
  /** VIR_SECURITY_MODEL_BUFLEN. */
  SECURITY_CHARS = 257;

const charsOf = (word: string): number[] => Array.from(word, char => char.charCodeAt(0));

export const NODE: Table = {
  node_get_info: procedure({
    result: struct({
      model: fixed(int, MODEL_CHARS),
      memoryKiB: unsignedHyper,
      cpus: int,
      mhz: int,
      nodes: int,
      sockets: int,
      cores: int,
      threads: int,
    }),
    run: async ({ host }) => {
      const { model, ...rest } = await nodeInfo(host);
      return { ...rest, model: charsOf(model.padEnd(MODEL_CHARS, '\0')) };
    },
  }),
  node_get_free_memory: procedure({
    result: struct({ freeBytes: unsignedHyper }),
    run: async ({ host }) => ({ freeBytes: (await host.summary()).freeMiB * MIB }),
  }),
  connect_get_max_vcpus: procedure({
    arguments: struct({ type: maybeText }),
    result: struct({ vcpus: int }),
    run: () => ({ vcpus: MAX_VCPUS }),
  }),
  /** None: guests are apart by the hypervisor. */
  node_get_security_model: procedure({
    result: struct({ model: array(int, SECURITY_CHARS), doi: array(int, SECURITY_CHARS) }),
    run: () => ({ model: charsOf('none'), doi: charsOf('0') }),
  }),
  connect_get_capabilities: procedure({
    result: struct({ xml: text }),
    run: async ({ host }) => ({ xml: await capabilities(host) }),
  }),
  connect_get_domain_capabilities: procedure({
    arguments: struct({ emulator: maybeText, arch: maybeText, machine: maybeText, virtType: maybeText, flags }),
    result: struct({ xml: text }),
    run: ({ host }, kind) => ({ xml: domainCapabilities(host, kind) }),
  }),
};
