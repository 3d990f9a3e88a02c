"""Reports in a real browser: `report.py FOLDER FILE...`. Looks at each in both themes, on a desk and at a phone's width:
and printed: no error in the console, nothing fetched, no sideways scrolling, the contrast of every text at least 4.5 (WCAG 2.2,
1.4.3), every axis of every chart named, no text of a chart outside of it and no two of them on each other. Screenshots go into FOLDER. Prints one line of JSON."""

import json
import os
import sys
import time
from pathlib import Path

from selenium import webdriver

folder, files = Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]
# The browser and its driver are the system's; nothing is asked of, or told to, anybody else.
os.environ.update(SE_OFFLINE="true", SE_AVOID_STATS="true")

LOOK = r"""
const faults = [];
const seen = e => { const r = e.getBoundingClientRect(); return r.width > 0 && r.height > 0 && e.checkVisibility(); };
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) faults.push(`the page scrolls sideways: ${page.scrollWidth} > ${page.clientWidth}`);
for (const e of document.querySelectorAll('details')) e.open = true;
if (page.scrollWidth > page.clientWidth) faults.push(`opened, the page scrolls sideways: ${page.scrollWidth} > ${page.clientWidth}`);

const parse = text => { const m = (text || '').match(/[\d.]+/g); return m ? [...m.slice(0, 3).map(Number), m.length > 3 ? +m[3] : 1] : [0, 0, 0, 0]; };
const over = (top, below) => { const a = top[3]; return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a)).concat(1); };
const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
const contrast = (a, b) => { const [x, y] = [light(a), light(b)]; return (Math.max(x, y) + .05) / (Math.min(x, y) + .05); };
// The colours below a point of a chart: those of the shapes of that chart drawn before the text, then the page's.
const ground = element => {
  const layers = [];
  const box = element.getBoundingClientRect();
  const svg = element.closest('svg.chart');
  if (svg) {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    for (const shape of svg.querySelectorAll('rect, circle')) {
      if (shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_PRECEDING) continue;
      const r = shape.getBoundingClientRect();
      const style = getComputedStyle(shape);
      if (style.fill === 'none' || x < r.left || x > r.right || y < r.top || y > r.bottom) continue;
      const colour = parse(style.fill);
      colour[3] *= +style.fillOpacity * +style.opacity;
      layers.unshift(colour);
    }
  }
  for (let e = svg || element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
let least = 99;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const e = node.parentElement;
  if (!node.data.trim() || e.closest('title, desc, style, caption') || !seen(e)) continue;
  const style = getComputedStyle(e);
  const colour = e.closest('svg') ? style.fill : style.color;
  const below = ground(e);
  const found = contrast(over(parse(colour), below), below);
  least = Math.min(least, found);
  if (found < 4.5) faults.push(`contrast ${found.toFixed(2)}: '${node.data.trim().slice(0, 40)}'`);
  const size = parseFloat(style.fontSize) * (e.closest('svg.chart') ? e.closest('svg.chart').getBoundingClientRect().width / e.closest('svg.chart').viewBox.baseVal.width : 1);
  if (size < 9.9) faults.push(`text of ${size.toFixed(1)} px: '${node.data.trim().slice(0, 40)}'`);
}
let charts = 0;
for (const svg of document.querySelectorAll('svg.chart')) {
  if (!seen(svg)) continue;
  charts += 1;
  const name = svg.getAttribute('aria-label');
  const axes = [...svg.querySelectorAll('.axis-name')].filter(e => e.textContent.trim());
  if (axes.length < +svg.dataset.axes || axes.length < 1) faults.push(`an axis of '${name}' has no name`);
  const r = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(e => [e, e.getBoundingClientRect()]);
  for (const [e, t] of texts) {
    if (t.left < r.left - 2 || t.right > r.right + 2 || t.top < r.top - 2 || t.bottom > r.bottom + 2)
      faults.push(`'${e.textContent.slice(0, 40)}' leaves the chart '${name.slice(0, 60)}'`);
  }
  for (let i = 0; i < texts.length; i++) for (let j = 0; j < i; j++) {
    const [a, b] = [texts[i][1], texts[j][1]];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 1.5 && high > 4) faults.push(`'${texts[j][0].textContent.slice(0, 30)}' and '${texts[i][0].textContent.slice(0, 30)}' overlap in '${name.slice(0, 60)}'`);
  }
  if (/NaN|Infinity|undefined/.test(svg.outerHTML.replace(/<(title|desc|text)[^>]*>[^<]*/g, '')))
    faults.push(`an attribute of '${name}' is no number`);
}
for (const e of document.querySelectorAll('details')) e.open = false;
const fetched = performance.getEntriesByType('resource').map(r => r.name).filter(name => !name.startsWith('data:'));
if (fetched.length) faults.push(`fetched ${fetched}`);
return {faults, least, charts};
"""


def browser(width, theme):
    options = webdriver.ChromeOptions()
    for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},1000"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options)
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return driver


def shoot(driver, width, name):
    height = min(driver.execute_script("return document.documentElement.scrollHeight"), 16000)
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(0.2)
    driver.save_screenshot(str(folder / f"{name}.png"))
    size["height"] = 1000
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


found = {"faults": [], "least_contrast": 99.0, "charts": 0}
for width, theme in [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]:
    driver = browser(width, theme)
    try:
        for file in files:
            driver.get(file.resolve().as_uri())
            place = f"{file.stem} {width} {theme}"
            looked = driver.execute_script(LOOK)
            found["faults"] += [f"{place}: {fault}" for fault in looked["faults"]]
            found["least_contrast"] = min(found["least_contrast"], looked["least"])
            found["charts"] += looked["charts"]
            noise = [entry["message"] for entry in driver.get_log("browser")]
            found["faults"] += [f"{place}: {message}" for message in noise]
            shoot(driver, width, f"{file.stem}-{width}-{theme}")
            if (width, theme) == (1280, "dark"):
                # On paper: always light, whatever the theme; the width of A4 at 96 dots an inch.
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [{"name": "prefers-color-scheme", "value": theme}]})
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 794, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
                looked = driver.execute_script(LOOK)
                found["faults"] += [f"{file.stem} print: {fault}" for fault in looked["faults"]]
                shoot(driver, 794, f"{file.stem}-print")
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [{"name": "prefers-color-scheme", "value": theme}]})
                driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False})
    finally:
        driver.quit()
print(json.dumps(found))
