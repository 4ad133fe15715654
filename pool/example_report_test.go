package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func ExamplePools_Report() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	report, err := pools.Report(ctx)
	if err != nil {
		log.Print(err) // the rest is reported
	}
	for _, s := range report.Servers {
		fmt.Println(len(s.Aliases), "aliases on one server")
	}
	for _, finding := range report.Findings {
		log.Print(finding)
	}
	// Output: 6 aliases on one server
}
