/** What src/devices/net/e1000 offers to other rooms. */
export { E1000 } from './e1000.ts';
export { CTRL, EERD, ICR, RCTL, REG, RXD, TCTL, TXD } from './registers.ts';
