"""What others make of the same boxes: each in an environment of its own, asked in MOT text and answering in it.

The modules here run under the peers' interpreters and import nothing of the project but each other; `ask` alone runs
under the project's own.
"""
