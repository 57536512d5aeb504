/** Power cuts of domains, simulated. */
export { cutDomains } from './domain-cuts.ts';
