/** What src/formats/other-images offers to other rooms. */
export { createVmdk, isVmdk, VmdkDisk } from './vmdk.ts';
export { createVpc, isVpc, vpcBytes, VpcDisk } from './vpc.ts';
export { ImageError } from './allocating-disk.ts';
