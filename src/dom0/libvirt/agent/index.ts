/** What libvirt's driver of QEMU asks of agents in guests: a function of libvirt is a function of one of these files. */
export * from './clock.ts';
export { freezeFileSystems, guestFileSystems, thawFileSystems, trimFileSystems } from './filesystems.ts';
export { GUEST_INFO, type GuestFact, guestHostname, guestInfo, HOSTNAME } from './info.ts';
export { type GuestInterface, guestInterfaces } from './interfaces.ts';
export { guestVcpus, setGuestVcpuCount, setGuestVcpus, vcpuRows } from './processors.ts';
export { agentCommand, hasAgent, setAgentTimeout, withAgent } from './session.ts';
export { PASSWORD_ENCRYPTED, setUserPassword } from './users.ts';
