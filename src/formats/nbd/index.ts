/** NBD's addresses. */
export { formatNbdAddress, isNetworkDisk, NBD_PORT, nbdAddressProblem, readNbdAddress } from './address.ts';
