/** What CPUID shows a guest: `host`, and flags that are otherwise. */
import { hasLongMode } from '../../../../cpu/architecture/index.ts';
import type { Definition } from '../definition.ts';
import { ignored } from '../options.ts';
import { rule } from '../rule.ts';
import { BUILT, flagsOf, isAsked, nameOf } from './cpuid-flags.ts';
import { verdicts } from './verdicts-part.ts';

/** Takes features from what CPUID shows. */
export function hide(definition: Definition, features: readonly string[]): void {
  if (features.length > 0) definition.cpuHidden = [...new Set([...(definition.cpuHidden ?? []), ...features])].sort();
}

export const cpuid = rule(
  'list or string',
  ignored(
    'bits of leaves are not set',
    'Guests see the processor of this host; of xend’s form, which sets bits of leaves, nothing is done. Write "host,flag=0,…".',
  ),
  {
    range: asked => (asked.value.kind === 'list' ? undefined : verdicts.loaded?.cpuid.problem(asked)),
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
    judge: asked => (asked.value.kind === 'list' ? undefined : verdicts.loaded?.cpuid.judge(asked)),
    from: ({ cpuLevel, cpuHidden = [] }) => {
      const flags = [
        ...(cpuLevel ? [`lm=${hasLongMode(cpuLevel) ? 1 : 0}`] : []),
        ...cpuHidden.map(feature => `${nameOf(feature)}=0`),
      ];
      return flags.length > 0 ? ['host', ...flags].join(',') : undefined;
    },
  },
);
