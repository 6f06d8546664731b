// Pictures of dashboards: node shoot.mjs FOLDER CHROMIUM PROMETHEUS UNTIL DASHBOARD...
import { writeFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { preview } from 'vite';

const [folder, executablePath, prometheus, until, ...dashboards] = process.argv.slice(2);
const server = await preview({ preview: { host: '127.0.0.1', port: 0 }, logLevel: 'error' });
const { port } = server.httpServer.address();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
let failed = false;
for (const dashboard of dashboards) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.on('pageerror', (error) => console.error(`${dashboard}: ${error.stack}`));
  await page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ prometheus, until, dashboard })}`);
  await page.waitForFunction('window.drawn', { timeout: 60000 });
  const { error, height } = await page.evaluate('window.drawn');
  if (error) {
    console.error(`${dashboard}: ${error}`);
    failed = true;
  } else {
    await page.setViewportSize({ width: 1400, height });
    await page.waitForTimeout(1500); // charts measure themselves after the first paint
    await writeFile(`${folder}/${dashboard}.svg`, await page.evaluate('window.svg()'));
    console.log(`${folder}/${dashboard}.svg`);
  }
  await page.close();
}
await browser.close();
await server.close();
process.exit(failed ? 1 : 0);
