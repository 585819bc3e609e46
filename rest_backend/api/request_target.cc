#include "rest_backend/api/request_target.h"
