"""Reference answers of the steps that read places, by pyproj 3.7 (PROJ without grids) and scikit-learn 1.9.

Run: python space.py > space.json
"""
import json

import numpy as np
from pyproj import CRS, Geod, Transformer, network
from sklearn.metrics.pairwise import haversine_distances
from sklearn.neighbors import BallTree

network.set_network_enabled(False)
EARTH = 6371008.8
rng = np.random.default_rng(7)

PLACES = [[13.4, 52.5], [-76.61, 39.29], [121.47, 31.23], [151.2, -33.9], [-0.1, 51.5], [11.2, 48.1], [116.4, 39.9], [-43.2, -22.9]]


def projected(definition, places):
    to = Transformer.from_crs(CRS.from_string("+proj=longlat +datum=WGS84"), CRS.from_user_input(definition), always_xy=True)
    return [list(to.transform(*place)) for place in places]


def utm(lon, lat):
    south = " +south" if lat < 0 else ""
    return f"+proj=utm +zone={int((lon + 180) // 6) + 1}{south} +datum=WGS84 +units=m"


def gauss(lon):
    return f"+proj=tmerc +lat_0=0 +lon_0={round(lon / 3) * 3} +k=1 +x_0=500000 +y_0=0 +datum=WGS84 +units=m"


maps = [{"to": "web_mercator", "places": PLACES, "projected": projected("EPSG:3857", PLACES)},
        {"to": "mercator", "places": PLACES, "projected": projected("EPSG:3395", PLACES)}]
for lon, lat in PLACES:
    near = [[lon, lat], [lon + 0.7, lat - 0.4], [lon - 0.9, lat + 0.3]]
    maps.append({"to": "utm", "places": near, "projected": projected(utm(lon, lat), near)})
    maps.append({"to": "auto", "places": near, "projected": projected(utm(lon, lat), near)})
    maps.append({"to": "gauss_kruger", "places": near, "projected": projected(gauss(lon), near)})
for code, places in {
    25832: [[9.0, 48.0], [10.5, 53.6]],  # ETRS89 / UTM 32N
    27700: [[-0.1, 51.5], [-3.2, 55.9]],  # OSGB36, by its seven parameters
    2154: [[2.35, 48.85], [5.4, 43.3]],  # RGF93 / Lambert-93
    3035: [[10.0, 52.0], [24.9, 60.2]],  # ETRS89 / LAEA Europe
    4549: [[120.0, 30.0], [121.4, 31.2]],  # CGCS2000 / 3-degree Gauss-Kruger, 120E
    5070: [[-96.0, 40.0], [-76.6, 39.3]],  # NAD83 / Conus Albers
    32756: [[151.2, -33.9], [153.0, -27.5]],
}.items():
    # Without grids: the PROJ 4 definition alone.
    text = CRS.from_epsg(code).to_proj4().replace(" +type=crs", "")
    if code == 27700:  # PROJ 4 text drops the datum's parameters: EPSG transformation 1314
        text += " +towgs84=446.448,-125.157,542.06,0.15,0.247,0.842,-20.489"
    maps.append({"to": code, "places": places, "projected": projected(text, places)})

train = np.column_stack([rng.uniform(-77.5, -75.5, 40), rng.uniform(38.5, 40.0, 40)]).round(6)
target = rng.normal(size=40).round(6)
ask = np.column_stack([rng.uniform(-77.5, -75.5, 12), rng.uniform(38.5, 40.0, 12)]).round(6)
centre = [-76.61, 39.29]
radians = lambda p: np.radians(np.asarray(p)[:, ::-1])
tree = BallTree(radians(train), metric="haversine")
distance, index = tree.query(radians(ask), k=5)
sphere = Geod(a=EARTH, b=EARTH)
around = {
    "train": train.tolist(), "target": target.tolist(), "ask": ask.tolist(), "centre": centre,
    "to_centre": (haversine_distances(radians(ask), radians([centre]))[:, 0] * EARTH).tolist(),
    "bearing_centre": [sphere.inv(*place, *centre)[0] % 360 for place in ask.tolist()],
    "near_distance": (distance.mean(axis=1) * EARTH).tolist(),
    "near_target": target[index].mean(axis=1).tolist(),
    "within_30000": tree.query_radius(radians(ask), 30000 / EARTH, count_only=True).tolist(),
}
print(json.dumps({"maps": maps, "around": around}, indent=1))
