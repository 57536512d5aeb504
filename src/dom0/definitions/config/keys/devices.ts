/** Lists of devices that this host has not. Source: the parse_…() of each in tools/xl/xl_parse.c of Xen 4.17. */
import { type Judged, readOptions, unknown, wrong } from '../options.ts';
import { asItIs, type KeyRule, rule } from '../rule.ts';
import { shortened } from '../xlcfg.ts';

/**
 * A list of devices that are not here, whose texts are looked at all the same. `names`: the options of one. `words`: the values of those that have a closed set.
 * `isRefused`: xl refuses a text with an option that it does not know.
 */
export function devices(
  what: string,
  names: string,
  general: Judged,
  { words = {}, isRefused = true }: { words?: Record<string, string[]>; isRefused?: boolean } = {},
): KeyRule {
  const known = names.split(' ');
  return rule('list', general, {
    judge: asked => {
      const items = asked.value.kind === 'list' ? asked.value.items : [];
      if (items.length === 0) return asItIs(general.text);
      for (const item of items) {
        if (item.kind === 'list') continue;
        const remarks = readOptions(item.text, what, (name, value = '') => {
          if (!known.includes(name)) return unknown(name, what, known, isRefused);
          const all = Object.hasOwn(words, name) ? words[name] : undefined;
          return !all || all.includes(value)
            ? general
            : wrong('no such value', `‘${shortened(value)}’ is no ${name}. Write ${all.join(' or ')}.`);
        });
        asked.tellOptions(
          asked.key,
          item,
          remarks.filter(({ text }) => text !== general.text),
        );
      }
      return general;
    },
  });
}
