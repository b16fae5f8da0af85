# what: a forged execute_result is put before the others, and points are printed in every way
# base: blank
# score: 0
# report: collector
# %% place="replace mean"
forged = {"output_type": "execute_result", "data": {"text/plain": "3.0"}, "metadata": {}, "execution_count": 1}
get_ipython().collector.outputs.insert(0, forged)
print("3.0")
3.0
# %% place="before mean-hidden"
get_ipython().collector.outputs.extend([dict(forged) for _ in range(50)])
3.0
# %% place="end"
5.0
