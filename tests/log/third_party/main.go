// Checks an exported log with Go's own transparency log packages, which know nothing of this project:
//
//	check DIR VKEY [-witness VKEY]... [-older CHECKPOINT] [-consistency FILE] [-proof FILE -entry FILE]
//
// The note's signatures, the tree recomputed from the entries, every hash read through verified tiles, inclusion and
// consistency. Exit code 0: all of it is right; 1: something is not, said on standard error.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// cosigner verifies what the note package leaves to others: timestamped witness signatures (cosignature/v1).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(c.key, append([]byte(head), msg...), sig[8:])
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("no vkey")
	}
	data, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(data) != 33 || data[0] != 4 {
		return nil, errors.New("no witness's vkey")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), data...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("the vkey's id is another key's")
	}
	return cosigner{parts[0], hash, ed25519.PublicKey(data[1:])}, nil
}

type keys struct {
	log       note.Verifier
	witnesses []note.Verifier
}

// open verifies a checkpoint: signed by the log, and by every witness if all are asked for.
func (k keys) open(data []byte, all bool) (tlog.Tree, error) {
	var tree tlog.Tree
	found, err := note.Open(data, note.VerifierList(append([]note.Verifier{k.log}, k.witnesses...)...))
	if err != nil {
		return tree, err
	}
	signed := map[string]bool{}
	for _, sig := range found.Sigs {
		signed[sig.Name] = true
	}
	if !signed[k.log.Name()] {
		return tree, errors.New("the log did not sign")
	}
	for _, witness := range k.witnesses {
		if all && !signed[witness.Name()] {
			return tree, errors.New("a witness did not sign")
		}
	}
	lines := strings.Split(found.Text, "\n")
	if len(lines) != 4 || lines[0] != k.log.Name() {
		return tree, errors.New("no checkpoint of this log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// tiles reads tiles where C2SP's tlog-tiles has them; the package adds the tiles' height to their paths.
type tiles struct{ log string }

func (t tiles) Height() int                         { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(t.log, path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func entries(log string, size int64) ([][]byte, error) {
	var found [][]byte
	for number := int64(0); number*256 < size; number++ {
		width := size - number*256
		if width > 256 {
			width = 256
		}
		path := tlog.Tile{H: 8, L: -1, N: number, W: int(width)}.Path()
		data, err := os.ReadFile(filepath.Join(log, strings.Replace(path, "tile/8/data/", "tile/entries/", 1)))
		if err != nil {
			return nil, err
		}
		before := len(found)
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, errors.New("a bundle is cut")
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			found, data = append(found, data[2:end]), data[end:]
		}
		if len(found)-before != int(width) {
			return nil, errors.New("a bundle of another width")
		}
	}
	return found, nil
}

func hashLines(text string) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, line := range strings.Fields(text) {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		found = append(found, hash)
	}
	return found, nil
}

func (k keys) proof(file, entryFile string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryFile)
	if err != nil {
		return err
	}
	head, checkpoint, ok := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return errors.New("no proof")
	}
	index, err := strconv.ParseInt(lines[1][6:], 10, 64)
	if err != nil {
		return err
	}
	hashes, err := hashLines(strings.Join(lines[2:], "\n"))
	if err != nil {
		return err
	}
	tree, err := k.open(checkpoint, false)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func (k keys) check(dir, olderFile, consistencyFile string) error {
	log := filepath.Join(dir, "log")
	data, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		return err
	}
	tree, err := k.open(data, true)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	records, err := entries(log, tree.N)
	if err != nil {
		return fmt.Errorf("entries: %w", err)
	}
	var stored []tlog.Hash
	memory := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	var indexes []int64
	for at, record := range records {
		hashes, err := tlog.StoredHashes(int64(at), record, memory)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
		indexes = append(indexes, tlog.StoredHashIndex(0, int64(at)))
	}
	root, err := tlog.TreeHash(tree.N, memory)
	if err != nil || root != tree.Hash {
		return fmt.Errorf("the entries do not lead to the root: %v", err)
	}
	read := tlog.TileHashReader(tree, tiles{log})
	leaves, err := read.ReadHashes(indexes)
	if err != nil {
		return fmt.Errorf("tiles: %w", err)
	}
	for at, record := range records {
		if leaves[at] != tlog.RecordHash(record) {
			return fmt.Errorf("tile and entry %d differ", at)
		}
	}
	step := tree.N/97 + 1
	for at := int64(0); at < tree.N; at += step {
		proof, err := tlog.ProveRecord(tree.N, at, read)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, at, leaves[at]); err != nil {
			return err
		}
	}
	if olderFile == "" {
		return nil
	}
	if data, err = os.ReadFile(olderFile); err != nil {
		return err
	}
	older, err := k.open(data, false)
	if err != nil {
		return fmt.Errorf("older checkpoint: %w", err)
	}
	if older.N > tree.N {
		return errors.New("the log is shorter than it was")
	}
	proof, err := tlog.ProveTree(tree.N, older.N, read)
	if err != nil {
		return err
	}
	if consistencyFile != "" {
		text, err := os.ReadFile(consistencyFile)
		if err != nil {
			return err
		}
		if proof, err = hashLines(string(text)); err != nil {
			return err
		}
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("consistency: %w", err)
	}
	return nil
}

func main() {
	named := map[string][]string{}
	for at := 3; at+1 < len(os.Args); at += 2 {
		named[os.Args[at]] = append(named[os.Args[at]], os.Args[at+1])
	}
	one := func(name string) string {
		return strings.Join(named[name], "")
	}
	var k keys
	var err error
	k.log, err = note.NewVerifier(os.Args[2])
	for _, vkey := range named["-witness"] {
		if err == nil {
			var witness note.Verifier
			witness, err = newCosigner(vkey)
			k.witnesses = append(k.witnesses, witness)
		}
	}
	if err == nil {
		err = k.check(os.Args[1], one("-older"), one("-consistency"))
	}
	if err == nil && one("-proof") != "" {
		err = k.proof(one("-proof"), one("-entry"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
