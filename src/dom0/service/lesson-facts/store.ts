/**
 * Nodes of the store that are a number: `store.PATH` below the domain's own home, `back.KIND/DEVICE/PATH` below its back ends in Domain 0. And the order in
 * which nodes of the home got what they have: `order.PATH` is 1 for the node of its device that was written first.
 */
import type { Family } from './told.ts';

export const store: Family = ({ host, id, member }, { values }) => {
  if (!member.attached) return;
  const home = `/local/domain/${id}/`,
    backEnd = new RegExp(`^/local/domain/0/backend/(\\w+)/${id}/(.+)$`),
    decoder = new TextDecoder('latin1'),
    written: { path: string; ns: number }[] = [];
  for (const { path, value, writes } of host.toolstack.services.xenstored.store.look().nodes) {
    const text = decoder.decode(value),
      isNumber = /^\d{1,15}$/.test(text),
      [, kind, rest] = backEnd.exec(path) ?? [];
    if (isNumber && kind) values[`back.${kind}/${rest}`] = Number(text);
    if (!path.startsWith(home)) continue;
    if (isNumber) values[`store.${path.slice(home.length)}`] = Number(text);
    const last = writes.at(-1);
    if (last?.by === id) written.push({ path: path.slice(home.length), ns: last.ns });
  }
  written.sort((a, b) => a.ns - b.ns);
  const ranks = new Map<string, number>();
  for (const { path } of written) {
    const device = /^device\/\w+\/\d+/.exec(path)?.[0] ?? '';
    ranks.set(device, (ranks.get(device) ?? 0) + 1);
    values[`order.${path}`] = ranks.get(device)!;
  }
};
