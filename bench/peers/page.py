"""The page in a real browser: `page.py URL FOLDER`. Tries the model by keyboard and looks at both themes and at a
phone's width; screenshots go into FOLDER. Prints one line of JSON."""

import json
import os
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

url, folder = sys.argv[1], sys.argv[2]
# The browser and its driver are the system's; nothing is asked of, or told to, anybody else.
os.environ.update(SE_OFFLINE="true", SE_AVOID_STATS="true")


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


def shoot(driver, name):
    height = driver.execute_script("return document.documentElement.scrollHeight")
    width = driver.execute_script("return document.documentElement.clientWidth")
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    time.sleep(0.3)
    driver.save_screenshot(f"{folder}/{name}.png")


found = {"faults": []}
for width, theme in [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]:
    driver = browser(width, theme)
    try:
        driver.get(url)
        wait = WebDriverWait(driver, 20)
        button = wait.until(lambda d: d.find_element(By.XPATH, "//button[normalize-space()='Predict']"))
        # Everything can be reached with the Tab key, and the button with it.
        body = driver.find_element(By.TAG_NAME, "body")
        reached = False
        for _ in range(80):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            if driver.switch_to.active_element == button:
                reached = True
                break
        if not reached:
            found["faults"].append(f"{width} {theme}: the button is not reached by Tab")
        driver.switch_to.active_element.send_keys(Keys.ENTER)
        wait.until(lambda d: "By version" in d.find_element(By.TAG_NAME, "body").text)
        right = driver.find_element(By.XPATH, "//button[normalize-space()='Right']")
        right.click()
        wait.until(lambda d: "stored" in d.find_element(By.TAG_NAME, "body").text)
        time.sleep(3)
        wide = driver.execute_script("return document.documentElement.scrollWidth > document.documentElement.clientWidth")
        if wide:
            found["faults"].append(f"{width} {theme}: the page scrolls sideways")
        noise = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        found["faults"] += [f"{width} {theme}: {message}" for message in noise]
        shoot(driver, f"page-{width}-{theme}")
    finally:
        driver.quit()
print(json.dumps(found))
