"""Configurations of other tools, in their documented forms, with secrets where those tools keep them."""

import json
from typing import Any

SECRET = "hunter2"

AZURE: dict[str, Any] = {
    "zones": [
        {
            "name": "Lobby West",
            "polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.9], [0.1, 0.9], [0.1, 0.1]],
            "events": [
                {"type": "count", "config": {"trigger": "interval", "output_frequency": 1, "focus": "footprint"}},
                {"type": "zonecrossing", "config": {"trigger": "event", "focus": "footprint"}},
                {"type": "zonedwelltime", "config": {"trigger": "event", "threshold": 16.0}},
            ],
        },
        {
            "name": "Till",
            "polygon": [[0.6, 0.1], [0.9, 0.1], [0.9, 0.5], [0.6, 0.5], [0.6, 0.1]],
            "events": [{"type": "count", "config": {"trigger": "event", "focus": "footprint"}}],
        },
        {
            "name": "distance",
            "polygon": [[0.6, 0.1], [0.9, 0.1], [0.9, 0.9]],
            "events": [{"type": "persondistance", "config": {"minimum_distance_threshold": 1.5}}],
        },
    ],
    "lines": [
        {
            "name": "Main door",
            "line": {"start": {"x": 0, "y": 0.5}, "end": {"x": 1, "y": 0.5}},
            "events": [{"type": "linecrossing", "config": {"trigger": "event", "focus": "center"}}],
        }
    ],
}


def _parameters(source: str) -> dict[str, Any]:
    return {
        "VIDEO_URL": f"rtsp://admin:{SECRET}@10.0.0.7/stream",
        "VIDEO_SOURCE_ID": source,
        "VIDEO_IS_LIVE": True,
        "DETECTOR_NODE_CONFIG": '{"gpu_index": 0}',
        "SPACEANALYTICS_CONFIG": json.dumps(AZURE),
    }


AZURE_MANIFEST: dict[str, Any] = {
    "modulesContent": {
        "spatialanalysis": {
            "properties.desired": {
                "globalSettings": {"PlatformTelemetryEnabled": True},
                "graphs": {
                    "personcount": {
                        "operationId": "cognitiveservices.vision.spatialanalysis-personcount",
                        "version": 1,
                        "enabled": True,
                        "parameters": _parameters("Entrance")
                        | {"INPUT_VIDEO_WIDTH": 1920, "CALIBRATION_CONFIG": "{}", "MADE_UP": 1},
                    },
                    "shared": {
                        "operationId": "cognitiveservices.vision.spatialanalysis",
                        "parameters": {"VIDEO_DECODE_GPU_INDEX": 0},
                        "instances": {
                            "back": {"parameters": _parameters("Back door"), "enabled": True},
                            "cellar": {"parameters": _parameters("Cellar"), "enabled": False},
                        },
                        "enabled": True,
                    },
                    "attic": {"enabled": False, "parameters": _parameters("Attic")},
                },
            }
        }
    }
}

DEEPSTREAM = """\
# a comment
[property]
enable=1
config-width=2000
config-height=1000
osd-mode=2
display-font-size=12
obj-cnt-win-in-ms=50

[roi-filtering-stream-0]
enable=1
roi-Hall=100;100;900;100;900;900;100;900
inverse-roi=0
class-id=-1

[overcrowding-stream-0]
enable=1
roi-Crowd=100;100;900;100;900;900;100;900;
object-threshold=3

[line-crossing-stream-0]
enable=1
line-crossing-Entry=1000;200;1400;200;1200;0;1200;999
line-crossing-Exit=1400;200;1000;200;1200;0;1200;999
extended=0
mode=loose

[direction-detection-stream-1]
enable=1
direction-South=284;840;360;662

[roi-filtering-stream-1]
enable=1
roi-Not=100;100;900;100;900;900
inverse-roi=1

[roi-filtering-stream-2]
enable=0
roi-RF=100;100;900;100;900;900
"""

FRIGATE = f"""\
mqtt:
  host: broker
  user: frigate
  password: !secret {SECRET}
detect:
  fps: 4
anchors:
  usual: &usual
    motion:
      threshold: 30
motion:
  mask: 0,0,0.1,0,0.1,0.1
objects:
  mask: 0,0,0.2,0,0.2,0.2
  filters:
    person:
      mask: 0,0,0.3,0,0.3,0.3
    car:
      mask: 0,0,0.4,0,0.4,0.4
cameras:
  Front Door:
    ffmpeg:
      inputs:
        - path: rtsp://viewer:{SECRET}@10.0.0.8:554/live
          roles: [detect]
    detect:
      width: 1000
      height: 500
    motion:
      mask: 0,0,1000,0,1000,50,0,50
    objects:
      track: [person, dog]
      filters:
        person:
          min_area: !!int 500
          mask:
            - 0.8,0.8,0.9,0.8,0.9,0.9
    zones:
      porch:
        coordinates: 100,100,500,100,500,400,100,400
        inertia: 2
        loitering_time: 3
        objects: [person]
        distances: 4,6,4,6
        filters:
          person:
            min_score: 0.7
      street:
        coordinates: 0.5,0.1,0.9,0.1,0.9,0.5
        objects: [car]
  back:
    <<: *usual
    ffmpeg:
      inputs:
        - path: rtsp://viewer:{SECRET}@10.0.0.9/live
    zones:
      yard:
        coordinates: 0.1,0.1,0.5,0.1,0.5,0.5
  attic:
    enabled: false
"""

SUPERVISION = {
    "zones": [[[200, 200], [800, 200], [800, 800]], [[1000, 200], [2400, 200], [2400, 800], [1000, 800]]],
    "lines": [{"name": "Gate", "start": [1000, 0], "end": [1000, 999], "triggering_anchors": ["CENTER"]}],
}
