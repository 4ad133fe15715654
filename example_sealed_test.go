package symphony_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Patient struct {
	Email string `redis:"email"`
	SSN   string `redis:"ssn,sealed"`
}

// newKey returns a new key. A program keeps its keys where it keeps its other
// secrets, and not in Redis.
func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return key
}

// The field with the option sealed is encrypted, and the others are not. To
// rotate the keys, make a new one current, and seal what the old one sealed
// anew.
func ExampleCodec_sealed() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	first, second := newKey(), newKey()
	ring, err := codec.NewKeyRing("2026", map[string][]byte{"2026": first})
	if err != nil {
		log.Fatal(err)
	}
	patients, err := symphony.NewUser[Patient](pools, "acme", symphony.Codec(codec.Sealed(codec.Compact, ring)))
	if err != nil {
		log.Fatal(err)
	}
	if err := patients.Upsert(ctx, "p1", Patient{Email: "ada@example.com", SSN: "078-05-1120"}); err != nil {
		log.Fatal(err)
	}
	patient, err := patients.Get(ctx, "p1")
	fmt.Println(patient.SSN, err)

	if ring, err = codec.NewKeyRing("2027", map[string][]byte{"2027": second, "2026": first}); err != nil {
		log.Fatal(err)
	}
	patients = patients.With(symphony.Codec(codec.Sealed(codec.Compact, ring)))
	for progress, err := range patients.Reseal(ctx) {
		fmt.Println(progress.Seen, progress.Resealed, err)
	}
	// Output:
	// 078-05-1120 <nil>
	// 1 1 <nil>
}

// A tenant whose keys are destroyed is forgotten, in backups too.
func ExampleCodec_forget() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	ring := codec.NewTenantKeys()
	if err := ring.Set("acme", "1", map[string][]byte{"1": newKey()}); err != nil {
		log.Fatal(err)
	}
	patients, err := symphony.NewUser[Patient](pools, "acme", symphony.Codec(codec.Sealed(codec.Compact, ring)))
	if err != nil {
		log.Fatal(err)
	}
	if err := patients.Upsert(ctx, "p1", Patient{SSN: "078-05-1120"}); err != nil {
		log.Fatal(err)
	}
	ring.Forget("acme") // and remove the key where it is kept
	_, err = patients.Get(ctx, "p1")
	fmt.Println(errors.Is(err, codec.ErrKeyForgotten))
	// Output:
	// true
}
