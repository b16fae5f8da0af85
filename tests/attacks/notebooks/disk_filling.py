# what: every folder is filled with files, large and many
# base: solution
# score: 5
# report: the system refused
# %% place="after mean"
for folder in ("/tmp", "/dev/shm", ".", "/home/student", "/var/tmp"):
    for number in range(50_000):
        with open(f"{folder}/{number}", "wb") as file:
            file.write(b"x" * 10_000)
# %% place="end"
with open("/tmp/large", "wb") as file:
    while True:
        file.write(b"x" * 2**20)
