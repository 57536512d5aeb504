/** Domains that are defined, whether they run or not. */
export { type ManagedDomain, ManagedDomains } from './managed-domains.ts';
