# An independent reading of assets/audit/verify.md with nothing but Python's standard library: everything but
# the signatures, for which it has no Ed25519 (those are checked where `cryptography` is installed).
import base64, hashlib, json, sys

try:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()

def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"")
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\x01", root(leaves[:k]), root(leaves[k:]))

def signed(note, key):
    name, fingerprint, public = key.split("+", 2)
    text, signatures = note.rsplit("\n\n", 1)
    for line in signatures.splitlines():
        mark, signer, data = line.split(" ")
        data = base64.b64decode(data)
        if mark == "—" and signer == name and data[:4].hex() == fingerprint:
            if Ed25519PublicKey:
                raw = base64.b64decode(public)[1:]
                Ed25519PublicKey.from_public_bytes(raw).verify(data[4:], (text + "\n").encode())
            return True
    return False

def verify(path):
    header, leaves, expired, through, notes, end = None, [], [], 0, [], None
    for line in open(path, "rb"):
        line = line.rstrip(b"\n")
        value = json.loads(line)
        assert end is None, "lines after the last one"
        if header is None:
            header = value
            assert header["rolldeck_export"] == 2 and not header["filtered"], "no whole export"
        elif line.startswith(b'{"from":'):
            pass
        elif line.startswith(b'{"checkpoint":'):
            notes.append(value["checkpoint"])
        elif line.startswith(b'{"checkpoints":'):
            end = value
        else:
            assert value["seq"] == len(leaves) + 1, f"entry {len(leaves) + 1} is missing"
            if value.get("tombstone") == 1:
                expired.append(value["seq"])
                leaves.append(base64.b64decode(value["leaf"]))
                continue
            leaves.append(sha(b"\x00", line))
            if value["action"] == "audit_expired" and value["outcome"] == "applied":
                said = [int(c["after"]) for c in value["changes"] if c["field"] == "expired_through"]
                through = max([through] + [n for n in said if n < value["seq"]])
    assert end and (end["entries"], end["checkpoints"]) == (len(leaves), len(notes)), "the file was cut off"
    assert all(seq <= through for seq in expired), "content is gone, and nothing says so"
    keys, proven = header["keys"], 0
    key, rest = keys[0], keys[1:]
    for note in sorted(notes, key=lambda note: int(note.split("\n")[1])):
        name, size, head, *more = note.rsplit("\n\n", 1)[0].split("\n")
        size = int(size)
        assert name == key.split("+")[0] and signed(note, key), f"the checkpoint of {size} is not signed"
        assert root(leaves[:size]) == base64.b64decode(head), f"the tree differs at {size}"
        proven = max(proven, size)
        for line in more:
            if line.startswith("rolldeck-succession "):
                _, old, new = line.split(" ")
                assert (old, new) == (key, rest.pop(0)) and signed(note, new), "passed on wrongly"
                key = new
    assert key == header["key"], "another key signs now"
    assert proven == len(leaves), "entries after the last checkpoint"
    print(json.dumps({"entries": len(leaves), "proven": proven, "expired": len(expired)}))

verify(sys.argv[1])
