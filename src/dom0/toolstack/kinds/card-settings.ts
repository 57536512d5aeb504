/** What a record of a guest's devices has of its cards, each as xl.cfg has it. */
import { type Card, cardOf, parseVif } from '../../definitions/config/index.ts';
import { formatRate } from '../../host/network/index.ts';

/** Of the cards whose addresses are known. */
export const settingsOf = (cards: readonly Card[]): string[] =>
  cards.flatMap(({ mac, rate, options = {} }) =>
    mac
      ? [
          [
            `mac=${mac}`,
            ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
            ...(rate ? [`rate=${formatRate(rate)}`] : []),
          ].join(','),
        ]
      : [],
  );

/** Where its cards are, and how fast they may be, by their addresses; undefined: as its definition has them. */
export function withSettings(cards: readonly Card[], said: readonly string[] | undefined): Card[] {
  if (!said) return [...cards];
  const asked = said.map(text => cardOf(parseVif(text)));
  return cards.map(({ rate: _rate, options: _options, ...card }) => {
    const { mac: _mac, ...settings } = asked.find(({ mac = card.mac }) => mac === card.mac) ?? {};
    return { ...card, ...settings };
  });
}
