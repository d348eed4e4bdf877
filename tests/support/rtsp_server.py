"""A camera: an RTSP server of GStreamer's, run by the system's Python, which has GStreamer's bindings.

    rtsp_server.py VIDEO.mp4 [--user NAME --password WORD] [--port PORT]

Serves the video's own packets (H.264), and a track of sound, at rtsp://127.0.0.1:PORT/stream; prints the port when it
listens. Each client sees the video from its start, in real time, as long as it lasts.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("video")
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--port", default="0")
args = parser.parse_args()

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(args.port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(
    f'( filesrc location="{args.video}" ! qtdemux ! queue ! rtph264pay name=pay0 pt=96 config-interval=-1 '
    "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8 )"
)
if args.user:
    auth = GstRtspServer.RTSPAuth()
    viewer = GstRtspServer.RTSPToken()
    viewer.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(args.user, args.password), viewer)
    server.set_auth(auth)
    factory.add_role_from_structure(
        Gst.Structure.new_from_string("viewer,media.factory.access=true,media.factory.construct=true")
    )
server.get_mount_points().add_factory("/stream", factory)
if not server.attach(None):
    sys.exit("cannot listen")
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
