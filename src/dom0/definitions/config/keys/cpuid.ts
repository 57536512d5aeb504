/**
 * What CPUID shows a guest: `host`, and flags that are otherwise. Sources: xl.cfg(5), "CPUID"; libxl_cpuid_parse_config() and its table in
 * tools/libs/light/libxl_cpuid.c of Xen 4.17; what xl says of what it cannot read, parse_config_data() in tools/xl/xl_parse.c.
 */
import { hasLongMode } from '../../../../cpu/architecture/index.ts';
import type { Definition } from '../definition.ts';
import { nearest } from '../nearest.ts';
import { approximated, ignored, type Judged, used, wrong } from '../options.ts';
import { type Asked, rule } from '../rule.ts';

/** Flags of what is built here, by the names that the instruction table has for them. */
const BUILT: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    (
      'fpu vme de pse tsc msr pae mce mtrr pge mca cmov pat pse36 clfsh mmx fxsr sse sse2 sse3 monitor ssse3 popcnt fsgsbase smep smap umip rdpid ' +
      'syscall nx rdtscp lm'
    )
      .split(' ')
      .map(name => [name, name]),
  ),
  cmpxchg8: 'cx8',
  cmpxchg16: 'cx16',
  sysenter: 'sep',
  sse4_1: 'sse41',
  'sse4.1': 'sse41',
  sse4_2: 'sse42',
  'sse4.2': 'sse42',
  lahfsahf: 'lahf_lm',
  page1gb: 'pdpe1gb',
};
/** Flags of what is not: loaded for a definition that names some. */
let absent: readonly string[] | undefined;
/** Loads the names of all flags that xl knows. */
export const loadCpuidFlags = async (): Promise<void> => {
  absent ??= (await import('./cpuid-flags.ts')).ABSENT_FLAGS;
};
/** What always is as it is: numbers, and flags that come from elsewhere. */
const FIXED =
  'maxleaf stepping model family brandid clflush proccount localapicid hypervisor apic procpkg invtsc nc apicidsize maxhvleaf';
const known = (): string[] => [...Object.keys(BUILT), ...(absent ?? []), ...FIXED.split(' ')];

/** Flags of `host,flag=value,…`, the last of each; a flag without a value has none. Values: a number, or the first letter of x (default), k and s (as the host has it). */
function flagsOf(text: string): { first: string | undefined; flags: Map<string, string | undefined> } {
  const [first, ...words] = text.split(',').filter(word => word !== '');
  const flags = words.map((word): [string, string | undefined] => {
    const at = word.indexOf('=');
    return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  });
  return { first, flags: new Map(flags) };
}
/** Whether a flag is asked for; undefined: it is as it would be. */
function isAsked(value: string): boolean | undefined {
  const number = /^\s*[+-]?(0x[0-9a-f]+|\d+)/i.exec(value)?.[1];
  return number === undefined ? undefined : Number(number) % 2 === 1;
}

function problem({ text, value }: Asked): Judged | undefined {
  const { first, flags } = flagsOf(text);
  if (value.kind === 'list' || first === undefined) return undefined;
  if (first !== 'host')
    return wrong('first word must be host', 'the first word must be "host". Write for example "host,nx=0".');
  for (const [name, flag] of flags) {
    if (flag === undefined) return wrong('missing =', `"${name}" has no value. Write ${name}=0 or ${name}=1.`);
    if (absent && !known().includes(name)) {
      const near = nearest(name, known());
      return wrong(
        'unknown CPUID flag',
        `"${name}" is an unknown CPUID flag name.${near ? ` Did you mean "${near}"?` : ' xl.cfg(5) lists them.'}`,
      );
    }
    if (isAsked(flag) === undefined && !/^[xks]/.test(flag))
      return wrong('illegal CPUID value', `${name}=${flag} is an illegal CPUID value. It is one of 0, 1, x, k and s.`);
  }
  return undefined;
}

function judge({ text, definition }: Asked): Judged | undefined {
  const { flags } = flagsOf(text);
  const asked = [...flags].map(([name, value]) => [name, isAsked(value ?? '')] as const);
  const done = asked.filter(
    ([name, on]) => on === undefined || BUILT[name] !== undefined || (!on && !FIXED.split(' ').includes(name)),
  );
  const rest = asked.filter(flag => !done.includes(flag)).map(([name]) => name);
  const { cpuHidden = [], cpuLevel } = definition;
  const width = cpuLevel && (hasLongMode(cpuLevel) ? '64-bit code: CPUID shows long mode' : '32-bit modes only');
  const said = [
    ...(width ? [`has ${width}`] : []),
    ...(cpuHidden.length > 0 ? [`does not show ${cpuHidden.map(nameOf).join(', ')}`] : []),
  ];
  if (rest.length > 0)
    return (said.length > 0 ? approximated : ignored)(
      `not here: ${rest.join(', ')}`.slice(0, 48),
      `${said.length > 0 ? `The processor ${said.join(' and ')}. ` : ''}${rest.join(', ')}: this cannot be shown or changed here.`,
    );
  if (said.length === 0) return used('as the host', 'CPUID shows what the host has.');
  return used(
    [...(width ? [width.replace(/:.*/, '')] : []), ...cpuHidden.map(name => `no ${nameOf(name)}`)]
      .join(', ')
      .slice(0, 48),
    `The processor ${said.join(' and ')}.`,
  );
}

/** Takes features from what CPUID shows. */
export function hide(definition: Definition, features: readonly string[]): void {
  if (features.length > 0) definition.cpuHidden = [...new Set([...(definition.cpuHidden ?? []), ...features])].sort();
}

/** xl's name of a feature. */
const nameOf = (feature: string): string => Object.entries(BUILT).find(([, name]) => name === feature)![0];

export const cpuid = rule(
  'list or string',
  ignored(
    'bits of leaves are not set',
    'Guests see the processor of this host; of xend’s form, which sets bits of leaves, nothing is done. Write "host,flag=0,…".',
  ),
  {
    range: problem,
    into: (definition: Definition, { text, value }) => {
      if (value.kind === 'list') return;
      const hidden: string[] = [];
      for (const [name, flag] of flagsOf(text).flags) {
        const on = isAsked(flag ?? ''),
          feature = BUILT[name];
        if (on === undefined || feature === undefined) continue;
        if (feature === 'lm') definition.cpuLevel = on ? 'x86-64-v2' : 'max';
        else if (!on) hidden.push(feature);
      }
      hide(definition, hidden);
    },
    judge: asked => (asked.value.kind === 'list' ? undefined : judge(asked)),
    from: ({ cpuLevel, cpuHidden = [] }) => {
      const flags = [
        ...(cpuLevel ? [`lm=${hasLongMode(cpuLevel) ? 1 : 0}`] : []),
        ...cpuHidden.map(feature => `${nameOf(feature)}=0`),
      ];
      return flags.length > 0 ? ['host', ...flags].join(',') : undefined;
    },
  },
);
