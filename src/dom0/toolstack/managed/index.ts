/** Domains that are defined, whether they run or not. */
export { DEFINITIONS, type ManagedDomain, ManagedDomains } from './managed-domains.ts';
