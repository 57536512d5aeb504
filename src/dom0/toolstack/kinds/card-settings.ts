/** What a record of a guest's devices has of a card. */
import type { Card } from '../../definitions/config/index.ts';
import { formatRate } from '../../host/network/index.ts';

/** Of a card, as xl.cfg has them. */
export const settingsOf = ({ rate, options = {} }: Card): string[] => [
  ...Object.entries(options).map(([name, value]) => `${name}=${value}`),
  ...(rate ? [`rate=${formatRate(rate)}`] : []),
];
