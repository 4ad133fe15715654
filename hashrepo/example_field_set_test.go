package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Lamp struct {
	Room string `redis:"room"`
	On   bool   `redis:"on"`
}

var lampOn = hashrepo.FieldOf(func(l *Lamp) *bool { return &l.On })

// Set changes one field and leaves the others as they are.
func ExampleField_Set() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:lamp:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	lamps, err := hashrepo.New[Lamp](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := lamps.Upsert(ctx, "l1", Lamp{Room: "kitchen"}); err != nil {
		log.Fatal(err)
	}

	if err := lamps.Update(ctx, "l1", lampOn.Set(true)); err != nil {
		log.Fatal(err)
	}
	lamp, err := lamps.Get(ctx, "l1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", lamp)
	// Output: {Room:kitchen On:true}
}
