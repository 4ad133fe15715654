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

type Row struct {
	Name string            `redis:"name"`
	More map[string]string `redis:",extra"`
}

// A field with the option extra holds the stored fields that the type does not
// declare. A copy of the record keeps them.
func Example_extra() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:row:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	rows, err := hashrepo.New[Row](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := rows.Upsert(ctx, "r1", Row{Name: "cup", More: map[string]string{"color": "red"}}); err != nil {
		log.Fatal(err)
	}

	row, err := rows.Get(ctx, "r1")
	if err != nil {
		log.Fatal(err)
	}
	row.More["size"] = "L"
	if err := rows.Upsert(ctx, "r2", row); err != nil {
		log.Fatal(err)
	}
	row, err = rows.Get(ctx, "r2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(row.Name, row.More)
	// Output: cup map[color:red size:L]
}
