/** Keys about the network. Source: xl.cfg(5) and xl-network-configuration(5). */
import { definedAs } from '../../kinds/index.ts';
import { MOST_CARDS, NIC_MODELS, type NicKind, type NicModel } from '../../../../devices/index.ts';
import { formatRate } from '../../../host/network/index.ts';
import type { Card } from '../definition.ts';
import { approximated, ignored, used, wrong } from '../options.ts';
import { type Asked, type Family, rule, TOLD } from '../rule.ts';
import { said } from '../values.ts';
import { shortened } from '../xlcfg.ts';
import { verdicts } from './verdicts-part.ts';

/** The card of a definition that names none, or one that is not built. */
export const DEFAULT_NIC: NicModel = 'pcnet';

const isOnIsa = (model: NicModel): boolean => (NIC_MODELS[model] as NicKind).isaIrq !== undefined;

/** Why a guest cannot have a card next to those before it; undefined: it can. */
function refusalOf(
  { mac, pvOnly, model = DEFAULT_NIC }: { mac?: string; pvOnly?: true; model?: NicModel },
  earlier: readonly Card[],
  pvCards: boolean,
): { short: string; text: string } | undefined {
  if (!pvCards && pvOnly) {
    const text = 'a guest of KVM has no card for PV drivers. Write a model, for example virtio.';
    return { short: 'no such card', text };
  }
  if (mac && earlier.some(card => card.mac === mac))
    return { short: 'is taken', text: `an earlier card of the guest has the station address ${mac}.` };
  if (!pvCards && isOnIsa(model) && earlier.some(card => card.model === model)) {
    const text = `an earlier card of the guest has the ports of ${model}. Write another model.`;
    return { short: 'ports are taken', text };
  }
  return undefined;
}

/** One finding for each card, and one for each option in its text. */
function eachCard(asked: Asked): void {
  const { value, definition } = asked;
  const { emulates, pvCards } = definedAs(definition);
  const items = value.kind === 'list' ? value.items : [];
  for (const [index, item] of items.entries()) {
    if (item.kind === 'list') {
      asked.tell(item, 'vif', wrong('wants a text', `${said('vif', item)}: each card is one text.`));
      continue;
    }
    const spec = verdicts.get().vif.parseVif(item.text);
    const { mac, pvOnly, model = DEFAULT_NIC, remarks } = spec;
    const leftOut =
      index >= MOST_CARDS
        ? {
            of: ignored('its card is left out', `The card is left out: a guest has at most ${MOST_CARDS}.`),
            which: item.text.trim() === '' ? '' : ` (${shortened(item.text.trim())})`,
          }
        : undefined;
    asked.tellOptions(
      'vif',
      item,
      leftOut ? remarks.map(remark => (remark.verdict === 'error' ? remark : { ...remark, ...leftOut.of })) : remarks,
    );
    if (leftOut) {
      asked.tell(
        item,
        'vif',
        ignored(
          `${MOST_CARDS} cards count`,
          `Card ${index + 1}${leftOut.which} is left out: a guest has at most ${MOST_CARDS} cards.`,
        ),
      );
      continue;
    }
    const refusal = refusalOf(spec, definition.cards, pvCards);
    if (refusal) {
      asked.tell(item, 'vif', wrong(refusal.short, `${said('vif', item)}: ${refusal.text}`));
      continue;
    }
    const card = verdicts.get().vif.cardOf(spec);
    if (index > 0 && pvCards) {
      definition.cards.push({ pv: true, ...card });
      asked.tell(
        item,
        'vif',
        approximated(
          `PV card ${index}, ${mac ?? 'address drawn'}`,
          `Card ${index + 1} is for PV drivers alone (xen-netfront), with ${mac ? `the station address ${mac}` : 'a station address drawn in 00:16:3e'}, on the bridge xenbr0.`,
        ),
      );
      continue;
    }
    const isEmulated = emulates && !pvOnly;
    definition.cards.push({
      ...(isEmulated ? { model } : {}),
      ...(index > 0 ? { place: index } : {}),
      ...(pvCards ? { pv: true as const } : {}),
      ...card,
    });
    const address = mac ? `the station address ${mac}` : 'a station address drawn in 00:16:3e';
    const { name, title } = NIC_MODELS[model];
    const [kind, cards] = isEmulated
      ? [
          name.split(' ').at(-1),
          `${title.replace(' (', ' card (')}${pvCards ? ', and for PV drivers a card in its place,' : ''}`,
        ]
      : ['PV', 'a PV card (xen-netfront)'];
    asked.tell(
      item,
      'vif',
      approximated(
        `${kind} card on xenbr0; no internet`,
        `The guest gets ${cards} with ${address}, on the bridge xenbr0 with the other guests and a gateway: DHCP, DNS, TFTP and ping, no way further.`,
      ),
    );
  }
}

export const network: Family = {
  vif: rule('list', used('no network card', 'The PC has no network card.'), {
    judge: asked => {
      if (asked.value.kind === 'list' && asked.value.items.length === 0) return undefined;
      eachCard(asked);
      return TOLD;
    },
    from: ({ cards }) => {
      const text = ({ model: emulated, mac, rate, options: { model, ...others } = {} }: Card): string =>
        [
          mac && `mac=${mac}`,
          ...Object.entries(others).map(pair => pair.join('=')),
          rate && `rate=${formatRate(rate)}`,
          emulated ? `model=${model ?? emulated}` : 'type=vif',
        ]
          .filter(Boolean)
          .join();
      return cards.length > 0 ? cards.map(text) : undefined;
    },
  }),
};
