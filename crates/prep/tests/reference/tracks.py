"""Reference answers of `track_features`: geodesics of pyproj on a sphere, SciPy's Rotation, and sums by numpy.

Run: python tracks.py > tracks.json
"""
import json

import numpy as np
from pyproj import Geod
from scipy.spatial.transform import Rotation

EARTH = 6371008.8
GEOD = Geod(a=EARTH, b=EARTH)
rng = np.random.default_rng(11)
STOP = 0.5


def wrapped(degrees):
    return (degrees + 180.0) % 360.0 - 180.0


def way(a, b, degrees):
    """Distance, bearing on leaving a and on reaching b."""
    if degrees:
        leave, back, distance = GEOD.inv(a[0], a[1], b[0], b[1])
        return distance, leave, back + 180.0
    east, north = b[0] - a[0], b[1] - a[1]
    bearing = np.degrees(np.arctan2(east, north))
    return np.hypot(east, north), bearing, bearing


def features(times, places, quaternions, degrees):
    rows = []
    n = len(times)
    steps = [way(places[i - 1], places[i], degrees) for i in range(1, n)]
    gaps = np.diff(times)
    lengths = np.array([s[0] for s in steps])
    speeds = lengths / gaps
    stopped = speeds <= STOP
    for i in range(n):
        row = {"from_start": 0.0, "elapsed": 0.0, "travelled": 0.0, "turned": 0.0}
        if i > 0:
            j = i - 1
            distance, leave, _ = steps[j]
            from_start, from_bearing, _ = way(places[0], places[i], degrees)
            last_moving = max((k + 1 for k in range(i) if not stopped[k]), default=0)
            turns = [abs(wrapped(steps[k][1] - steps[k - 1][2])) for k in range(1, i) if lengths[k] > 0 and lengths[k - 1] > 0]
            row = {
                "gap": gaps[j], "distance": distance, "speed": speeds[j], "stopped": float(stopped[j]),
                "still_for": times[i] - times[last_moving], "from_start": from_start, "elapsed": times[i] - times[0],
                "travelled": lengths[:i].sum(), "mean_speed": lengths[:i].sum() / (times[i] - times[0]), "top_speed": speeds[:i].max(),
                "still_share": gaps[:i][stopped[:i]].sum() / (times[i] - times[0]), "turned": float(np.sum(turns)),
                "straightness": from_start / lengths[:i].sum(),
            }
            if from_start > 0:
                row |= {"from_start_sin": np.sin(np.radians(from_bearing)), "from_start_cos": np.cos(np.radians(from_bearing))}
            if distance > 0:
                row |= {"heading_sin": np.sin(np.radians(leave)), "heading_cos": np.cos(np.radians(leave))}
            if i > 1:
                row["acceleration"] = (speeds[j] - speeds[j - 1]) / gaps[j]
                if distance > 0 and lengths[j - 1] > 0:
                    row["turn_rate"] = wrapped(leave - steps[j - 1][2]) / gaps[j]
            before, now = (Rotation.from_quat(q, scalar_first=True) for q in (quaternions[j], quaternions[i]))
            vector = (before.inv() * now).as_rotvec(degrees=True)
            row["rotation_angle"] = np.linalg.norm(vector)
            row |= dict(zip(("rotation_x", "rotation_y", "rotation_z"), vector))
            angle = np.radians(leave)
            east = [distance * np.sin(angle), distance * np.cos(angle), 0.0] if distance > 0 else [0.0, 0.0, 0.0]
            row |= dict(zip(("moved_x", "moved_y", "moved_z"), before.inv().apply(east)))
        rows.append({key: float(x) for key, x in row.items()})
    return rows


def track(start, n, scale, degrees):
    # Times are whole microseconds, as the program holds them.
    times = np.round(np.cumsum(rng.uniform(0.5, 20.0, n)), 6)
    moves = rng.normal(size=(n, 2)) * scale
    moves[rng.random(n) < 0.3] = 0.0
    moves[0] = 0.0
    places = (np.array(start) + np.cumsum(moves, axis=0)).tolist()
    quaternions = (rng.normal(size=(n, 4)) * rng.uniform(0.1, 5.0, (n, 1))).tolist()
    return {"degrees": degrees, "times": times.tolist(), "places": places, "quaternions": quaternions,
            "features": features(times, places, quaternions, degrees)}


tracks = [
    track([13.4, 52.5], 25, 3e-4, True),
    track([151.2, -33.9], 25, 0.4, True),
    track([0.0, 0.0], 25, 20.0, False),
]
print(json.dumps({"stop_speed": STOP, "tracks": tracks}))
