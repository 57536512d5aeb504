/** What src/dom0/backends/device-model offers to other rooms. */
export { hostTime } from './host-time.ts';
export { DeviceModel, type DeviceModelOptions } from './device-model.ts';
export { modelOf } from './saved-model.ts';
