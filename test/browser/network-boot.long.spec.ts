/** A guest in the page boots from the page's own network: iPXE in the card's ROM, DHCP, and a file of Domain 0 by TFTP. [needs npm run guests] */
import { domainRows, expect, open, test } from './page.ts';
import { openShell, run } from './shell.ts';
import { patient } from '../support/patience.ts';

for (const model of ['pcnet', 'ne2k_pci'])
  test(`a guest with ${model} boots a file that dnsmasq in Domain 0 gives out`, async ({ page }) => {
    await open(page);
    await openShell(page);
    await run(
      page,
      `mkdir -p /srv/tftp; printf '#!ipxe\\necho came by TFTP to \\x24{net0/ip}\\nsleep 100\\n' > /srv/tftp/hello.ipxe`,
    );
    await run(
      page,
      `printf 'name = "net"\\ntype = "hvm"\\nmemory = 32\\nboot = "n"\\nvif = ["model=${model}"]\\n' > /etc/xen/vm/net`,
    );
    await run(page, 'dnsmasq --tftp-root=/srv/tftp --dhcp-boot=hello.ipxe; xl create /etc/xen/vm/net');
    await domainRows(page).filter({ hasText: 'net' }).click();
    await expect
      .poll(() => page.getByTestId('screen-text').innerText(), { timeout: patient(120_000) })
      .toContain('came by TFTP to 10.0.2.15');
  });
