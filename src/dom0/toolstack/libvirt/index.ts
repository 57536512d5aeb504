/**
 * The host as libvirt has it: what its daemon (cli/libvirtd) and Domain 0's virsh both answer from. Whatever fails is a LibvirtError, with libvirt's class and
 * number.
 */
export { capabilities, domainCapabilities } from './capabilities.ts';
export * from './domains.ts';
export { ERROR_DOMAIN, type ErrorClass, failing, LibvirtError, libvirtErrorOf } from './errors.ts';
export { nodeInfo } from './node.ts';
