package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Device struct {
	Name  string `redis:"name"`
	Pings int64  `redis:"pings"`
}

var devicePings = hashrepo.NumberOf(func(d *Device) *int64 { return &d.Pings })

// With IfExists, a write changes a record and creates none. A late message does
// not bring a deleted record back.
func ExampleIfExists() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:device:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	devices, err := hashrepo.New[Device](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := devices.Upsert(ctx, "d1", Device{Name: "door"}); err != nil {
		log.Fatal(err)
	}
	known := devices.With(hashrepo.IfExists())

	if err := known.Update(ctx, "d1", devicePings.Add(1)); err != nil {
		log.Fatal(err)
	}
	err = known.Update(ctx, "d2", devicePings.Add(1))
	fmt.Println(errors.Is(err, hashrepo.ErrNotFound))
	// Output: true
}
