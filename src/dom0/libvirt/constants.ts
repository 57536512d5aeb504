/** Numbers of libvirt's API that its drivers know, or do not. Source: libvirt-domain.h. */

/** virDomainShutdownFlagValues and virDomainRebootFlagValues. */
export const SHUTDOWN = { ACPI: 1 << 0, AGENT: 1 << 1, INITCTL: 1 << 2, SIGNAL: 1 << 3, PARAVIRT: 1 << 4 };
/** virDomainDestroyFlagsValues. */
export const DESTROY = { GRACEFUL: 1 << 0, REMOVE_LOGS: 1 << 1 };
/** virDomainCoreDumpFlags. */
export const DUMP = { CRASH: 1 << 0, LIVE: 1 << 1, MEMORY_ONLY: 1 << 4 };
/** VIR_DOMAIN_MEM_MAXIMUM and VIR_DOMAIN_VCPU_MAXIMUM; VIR_DOMAIN_VCPU_GUEST: as the guest's agent sees it. */
export const MAXIMUM = 1 << 2,
  GUEST = 1 << 3;
/** virVcpuState. */
export const VCPU = { OFFLINE: 0, RUNNING: 1, BLOCKED: 2 };
/** virDomainInterfaceAddressesSource, by virsh's words. The host's network knows of both but the agent's. */
export const ADDRESS_SOURCE = { lease: 0, agent: 1, arp: 2 };
