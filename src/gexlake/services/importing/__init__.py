"""The import, as steps: plan what is to be read, stage it in workers, commit it, report; and who starts one.

`import_history.py` is the run. Another way to do the staging, elsewhere, is another `Workers`; what a source gives to
which session is `stage.py`, whether it need be read at all `resume.py`.
"""
