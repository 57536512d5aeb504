/**
 * From files to a domain that could be created: which of them is the definition, which the kernel, and what is wrong with them. Creates nothing.
 */
import { type Boot, checkBoot } from '../hypervisor/index.ts';
import { kernelKind, LoadError } from '../hypervisor/loader/index.ts';
import type { Finding, Plan } from './api.ts';
import { type Definition, isError, judgeDefinition } from './config/model.ts';

/** A file with its content. */
export interface NamedBytes {
  name: string;
  data: Uint8Array;
}

/** RAM of a guest that was given as a kernel alone. */
export const PLAIN_MEMORY_MIB = 256;
/** Linux tells its story on the serial console; the last one named is /dev/console. */
export const PLAIN_LINUX_CMDLINE = 'console=tty0 console=ttyS0';

export interface Planned {
  plan: Plan;
  /** Present when there is no error. */
  domain?: { definition: Definition; boot: Boot };
}

/** What a page's files, dropped or chosen together, would make. Files are matched by their base names. */
export function planFiles(files: NamedBytes[]): Planned {
  const saved = files.find(file => startsWith(file.data, 'RINGSAVE'));
  if (saved) return refuse(saved.name, 'is a saved domain', `${saved.name} is a saved domain. Drop it alone to restore it.`);
  const definitions = files.filter(isDefinition);
  if (definitions.length > 1) {
    return refuse(
      definitions[1].name,
      'one definition at a time',
      `There are ${definitions.length} definitions: ${definitions.map(f => f.name).join(', ')}. Drop one with its files at a time.`,
    );
  }
  if (definitions.length === 1) {
    const others = files.filter(file => file !== definitions[0]);
    return planDefinition(definitions[0].name, decode(definitions[0].data), path => {
      const base = baseName(path);
      return (
        others.find(file => baseName(file.name) === base) ?? `${base} is not among the dropped files. Drop it together with ${definitions[0].name}.`
      );
    });
  }
  const kernels = files.filter(file => kernelKind(file.data) !== undefined);
  if (files.length === 0) return refuse('', 'nothing there', 'There is no file. Drop an xl configuration with the files it names, or a kernel.');
  if (kernels.length === 0) {
    // The loader knows best why this is no kernel.
    return planKernel({ kernel: files[0], memoryMiB: PLAIN_MEMORY_MIB });
  }
  if (kernels.length > 1 || files.length > 2) {
    return refuse(
      files[0].name,
      'too many files',
      `These ${files.length} files make no single guest. Drop a kernel, with at most one initial RAM disk, or a definition with the files it names.`,
    );
  }
  const ramdisk = files.find(file => file !== kernels[0]);
  return planKernel({ kernel: kernels[0], memoryMiB: PLAIN_MEMORY_MIB, ...(ramdisk ? { ramdisk } : {}) });
}

/** A definition, and the files that `resolve` finds; a string from it says why there is none. */
export function planDefinition(file: string, text: string, resolve: (path: string) => NamedBytes | string): Planned {
  const { definition, findings, valueAt } = judgeDefinition(file, text);
  const replace = (key: string, verdict: 'missing' | 'error', short: string, message: string): void => {
    const finding = findings.find(f => f.key === key && f.verdict === 'used');
    if (finding) Object.assign(finding, { verdict, short, text: message, ...valueAt.get(key) });
  };
  const find = (key: 'kernel' | 'ramdisk'): NamedBytes | undefined => {
    const path = definition[key];
    if (!path || !findings.some(f => f.key === key && f.verdict === 'used')) return undefined;
    const found = resolve(path);
    if (typeof found !== 'string') return found;
    replace(key, 'missing', 'file not found', `${key} = '${path}': ${found}`);
    return undefined;
  };
  const kernel = find('kernel'),
    ramdisk = find('ramdisk');
  let boot: Boot | undefined;
  if (kernel) {
    boot = {
      kind: 'kernel',
      kernel: kernel.data,
      name: baseName(kernel.name),
      cmdline: definition.cmdline,
      ...(ramdisk ? { ramdisk: { name: baseName(ramdisk.name), data: ramdisk.data } } : {}),
    };
    const memoryIsGood = definition.memoryMiB >= 1 && definition.memoryMiB < 2048 && !findings.some(f => f.key === 'memory' && f.verdict === 'error');
    const problem = check(boot, memoryIsGood ? definition.memoryMiB : 1024);
    if (problem) {
      const key = ramdisk && problem.startsWith(baseName(ramdisk.name)) ? 'ramdisk' : 'kernel';
      replace(key, 'error', key === 'kernel' ? 'cannot be started' : 'cannot be loaded', problem);
    }
  }
  return finish(findings, definition, boot, text);
}

/** A kernel without a definition: it starts on a plain PC. */
export function planKernel(options: { kernel: NamedBytes; ramdisk?: NamedBytes; cmdline?: string; memoryMiB: number; name?: string }): Planned {
  const { kernel, ramdisk, memoryMiB } = options;
  const kernelName = baseName(kernel.name);
  const cmdline = options.cmdline ?? (kernelKind(kernel.data) === 'linux' ? PLAIN_LINUX_CMDLINE : '');
  const definition: Definition = {
    name: options.name ?? kernelName.replace(/\.[a-z0-9]+$/i, ''),
    type: 'hvm',
    memoryMiB,
    vcpus: 1,
    kernel: kernelName,
    cmdline,
    onPoweroff: 'destroy',
    onReboot: 'restart',
    onCrash: 'destroy',
  };
  const boot: Boot = { kind: 'kernel', kernel: kernel.data, name: kernelName, cmdline };
  if (ramdisk) {
    definition.ramdisk = baseName(ramdisk.name);
    boot.ramdisk = { name: definition.ramdisk, data: ramdisk.data };
  }
  const problem = check(boot, memoryMiB);
  const finding: Finding = {
    file: kernelName,
    line: 1,
    column: 1,
    source: '',
    key: 'kernel',
    verdict: 'used',
    short: 'started on a plain PC',
    text: `${kernelName} starts on a plain PC with ${memoryMiB} MiB.`,
  };
  if (problem) Object.assign(finding, { verdict: 'error', short: 'cannot be started', text: problem });
  return finish([finding], definition, boot, writeDefinition(definition));
}

/** The definition as an xl.cfg that would make the same domain. */
export function writeDefinition(definition: Definition): string {
  const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const lines = [`name = ${quote(definition.name)}`, `type = ${quote(definition.type)}`, `memory = ${definition.memoryMiB}`];
  if (definition.kernel) lines.push(`kernel = ${quote(definition.kernel)}`);
  if (definition.ramdisk) lines.push(`ramdisk = ${quote(definition.ramdisk)}`);
  if (definition.cmdline) lines.push(`cmdline = ${quote(definition.cmdline)}`);
  return `${lines.join('\n')}\n`;
}

function finish(findings: Finding[], definition: Definition, boot: Boot | undefined, text: string): Planned {
  const errors = findings.filter(isError);
  const summary: Plan['summary'] = { memoryMiB: definition.memoryMiB, vcpus: definition.vcpus, type: definition.type };
  if (definition.kernel) summary.kernel = definition.kernel;
  if (definition.ramdisk) summary.ramdisk = definition.ramdisk;
  if (definition.cmdline) summary.cmdline = definition.cmdline;
  const plan: Plan = { name: definition.name, errors, findings, definition: text, summary };
  return errors.length === 0 && boot ? { plan, domain: { definition, boot } } : { plan };
}

function refuse(file: string, short: string, text: string): Planned {
  const finding: Finding = { file, line: 1, column: 1, source: '', key: '', verdict: 'error', short, text };
  return { plan: { name: '', errors: [finding], findings: [finding], definition: '', summary: { memoryMiB: 0, vcpus: 0, type: '' } } };
}

function check(boot: Boot, memoryMiB: number): string | undefined {
  try {
    checkBoot(boot, memoryMiB);
    return undefined;
  } catch (error) {
    if (error instanceof LoadError) return error.message;
    throw error;
  }
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

/** Whether a file is a definition: called .cfg, or text that sets something and is no kernel. */
export function isDefinition(file: NamedBytes): boolean {
  if (/\.(cfg|xl|conf)$/i.test(file.name)) return true;
  const start = file.data.subarray(0, 4096);
  if (start.length === 0 || start.includes(0) || kernelKind(file.data) !== undefined) return false;
  return /^\s*[a-z][._0-9a-z]*\s*\+?=/m.test(decode(start));
}

export function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice());
}

export function startsWith(bytes: Uint8Array, text: string): boolean {
  if (bytes.length < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}
