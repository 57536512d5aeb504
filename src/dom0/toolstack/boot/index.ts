/** What src/dom0/toolstack/boot offers to other rooms. */
export * from './menu/index.ts';
export { describeHost, fittedHost, type HostDefinition, HostDefinitionError, readHost } from './host-definition.ts';
export { HOST_SETTINGS, keepHostWords, keptHostWords, readKeptHost, settledHost } from './host-settings.ts';
export { startHypervisor } from './start-hypervisor.ts';
export { startKvm } from './start-kvm.ts';
export { startXen, type StartedHypervisor } from './start-xen.ts';
export { parseXenOptions, readXenOptions } from './xen-options.ts';
export { domain0Log } from './domain0-log.ts';
export { stopGuests } from './stop-guests.ts';
