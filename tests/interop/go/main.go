// Command story drives the vendor's Go SDKs, unmodified: a credential from the function, uploads
// whole and in parts, a listing, a ranged download, refusals, and the STS SDK against the local STS.
//
// It prints one line for each check that holds, and ends with status 1 at the first that does not.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	sts "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/sts/v20180813"
	"github.com/tencentyun/cos-go-sdk-v5"
)

const prefix = "users/1/go/"

func main() {
	client := connect(credential())
	ctx := context.Background()
	small, large := pattern(1000), pattern(12*1024*1024+1)

	_, err := client.Object.Put(ctx, prefix+"small.bin", bytes.NewReader(small), nil)
	check("a small object is uploaded", err == nil, err)

	file := filepath.Join(os.TempDir(), fmt.Sprintf("cos-story-%d", os.Getpid()))
	check("a file is written", os.WriteFile(file, large, 0o600) == nil, file)
	defer os.Remove(file)
	_, _, err = client.Object.Upload(ctx, prefix+"large.bin", file, &cos.MultiUploadOptions{PartSize: 5})
	check("a large object is uploaded in parts", err == nil, err)

	listed, _, err := client.Bucket.Get(ctx, &cos.BucketGetOptions{Prefix: prefix})
	check("both are listed", err == nil && keys(listed) == "large.bin small.bin", keys(listed), err)

	response, err := client.Object.Get(ctx, prefix+"large.bin", &cos.ObjectGetOptions{Range: "bytes=1048570-1048589"})
	check("a range is read", err == nil, err)
	part, err := io.ReadAll(response.Body)
	check("the range has its bytes", err == nil && bytes.Equal(part, large[1048570:1048590]), len(part), err)

	_, err = client.Object.Put(ctx, "secret/a.txt", bytes.NewReader(small), nil)
	check("an upload outside the grant is refused", code(err) == "AccessDenied", err)
	_, err = client.Bucket.Delete(ctx)
	check("an action outside the grant is refused", code(err) == "AccessDenied", err)

	federation()
}

// The credential of the function, as its users get it.
func credential() *sts.Credentials {
	response, err := http.Get(os.Getenv("ISSUER_URL") + "?format=sts")
	check("the function answers", err == nil && response.StatusCode == http.StatusOK, err)
	defer response.Body.Close()
	// The SDK's own type reads the answer.
	answer := sts.NewGetFederationTokenResponse()
	err = json.NewDecoder(response.Body).Decode(answer)
	check("the STS SDK reads the answer", err == nil && answer.Response.Credentials != nil, err)
	return answer.Response.Credentials
}

func connect(credential *sts.Credentials) *cos.Client {
	bucket, _ := url.Parse(fmt.Sprintf("http://%s.cos.%s.myqcloud.com", os.Getenv("BUCKET"), os.Getenv("REGION")))
	network := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", os.Getenv("COS_ADDRESS"))
	}}
	return cos.NewClient(&cos.BaseURL{BucketURL: bucket}, &http.Client{Transport: &cos.CredentialTransport{
		Credential: cos.NewTokenCredential(*credential.TmpSecretId, *credential.TmpSecretKey, *credential.Token),
		Transport:  network,
	}})
}

// The SDK of STS signs and asks the local STS itself.
func federation() {
	endpoint, _ := url.Parse(os.Getenv("STS_URL"))
	settings := profile.NewClientProfile()
	settings.HttpProfile.Scheme = "HTTP"
	settings.HttpProfile.Endpoint = endpoint.Host
	ask := func(key string) error {
		client, err := sts.NewClient(common.NewCredential(os.Getenv("SECRET_ID"), key), os.Getenv("REGION"), settings)
		check("the STS SDK starts", err == nil, err)
		request := sts.NewGetFederationTokenRequest()
		request.Name = common.StringPtr("story")
		request.Policy = common.StringPtr(url.QueryEscape(`{"version":"2.0","statement":[{"effect":"allow","action":["name/cos:GetObject"],"resource":["*"]}]}`))
		_, err = client.GetFederationToken(request)
		return err
	}
	err := ask(os.Getenv("SECRET_KEY"))
	check("the STS SDK gets a federation token", err == nil, err)
	err = ask("another-key")
	check("a wrong signature is refused", err != nil && strings.Contains(err.Error(), "AuthFailure.SignatureFailure"), err)
}

func keys(listed *cos.BucketGetResult) string {
	if listed == nil {
		return ""
	}
	var names []string
	for _, object := range listed.Contents {
		names = append(names, strings.TrimPrefix(object.Key, prefix))
	}
	return strings.Join(names, " ")
}

func code(err error) string {
	if refused, ok := cos.IsCOSError(err); ok {
		return refused.Code
	}
	return ""
}

func pattern(length int) []byte {
	bytes := make([]byte, length)
	for i := range bytes {
		bytes[i] = byte(i*31 + (i>>8)*7)
	}
	return bytes
}

func check(name string, holds bool, details ...any) {
	if !holds {
		fmt.Println(append([]any{"FAILED", name + ":"}, details...)...)
		os.Exit(1)
	}
	fmt.Println("ok", name)
}
